import ProtocolTestKit
import Testing

@testable import VPNFormats

@Suite struct TextTests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func `base64 follows the vectors of RFC 4648`(plain: String, text: String) {
        #expect(Base64.encode(Array(plain.utf8)) == text)
        #expect(Base64.decode(text) == Array(plain.utf8))
    }

    @Test(arguments: ["Zg", "Zg=", "Zg==\n", "Zh==", "Zm9=", "Z===", "====", "Zm=v", "Zm9v Zm9v", "Zm9_", "Zg==Zg=="])
    func `base64 refuses what is not canonical`(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test func `base64 and hex refuse more bytes than allowed`() {
        #expect(Base64.decode("Zm9v", maximumBytes: 2) == nil)
        #expect(Base64.decode("Zm8=", maximumBytes: 2) == [0x66, 0x6F])
        #expect(Hex.decode("0011", maximumBytes: 1) == nil)
    }

    @Test func `random bytes survive both encodings`() {
        var random = SeededGenerator()
        for count in 0..<200 {
            let sample = random.bytes(count)
            #expect(Base64.decode(Base64.encode(sample)) == sample)
            #expect(Hex.decode(Hex.encode(sample)) == sample)
        }
    }

    @Test(arguments: ["0", "0g", "+1", "0x", " 00"])
    func `hex refuses other characters and odd lengths`(text: String) {
        #expect(Hex.decode(text) == nil)
    }

    @Test(arguments: [1, 7, 64, 76, 1_000])
    func `a PEM block is read whatever the width of its lines`(width: Int) throws {
        let content = (0..<200).map { UInt8($0) }
        let text = TextBlock.text(label: "THING", content: Base64.encode(content), width: width)
        let block = try PEMBlock(
            label: "THING", in: "# comment\r\n" + text.split(separator: "\n").joined(separator: " \r\n"))
        #expect(block.bytes == content)
        #expect(try PEMBlock(label: "THING", in: block.text) == block)
    }

    @Test(arguments: [
        "", "-----BEGIN THING-----\nZg==\n", "-----BEGIN THING-----\n!!\n-----END THING-----",
        "-----END THING-----\nZg==\n-----BEGIN THING-----\n", "-----BEGIN OTHER-----\nZg==\n-----END OTHER-----",
    ])
    func `a text without a whole block is refused`(text: String) {
        #expect(throws: FormatError.self) { try PEMBlock(label: "THING", in: text) }
    }

    @Test func `a text beyond any key file is refused`() {
        let text = String(repeating: "\n", count: 300_000)
        #expect(throws: FormatError.self) { try PEMBlock(label: "THING", in: text) }
    }

    @Test func `comparison in constant time agrees with equality`() {
        #expect(constantTimeEquals([1, 2, 3], [1, 2, 3]))
        #expect(!constantTimeEquals([1, 2, 3], [1, 2, 4]))
        #expect(!constantTimeEquals([9, 2, 3], [1, 2, 3]))
        #expect(!constantTimeEquals([1, 2], [1, 2, 3]))
        #expect(constantTimeEquals([UInt8](), []))
    }
}
