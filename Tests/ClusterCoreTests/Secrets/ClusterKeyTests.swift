import Foundation
import ProtocolTestKit
import Testing

@testable import ClusterCore

@Suite("The cluster key")
struct ClusterKeyTests {
    private func makeKey() -> ClusterKey {
        var random = SeededGenerator(seed: 1)
        return ClusterKey.generate(using: &random)
    }

    @Test("a key file is read back as the key that was written")
    func roundTrip() throws {
        let key = makeKey()
        let read = try ClusterKey(text: key.fileText())
        #expect(read.id == key.id)
        #expect(read.fileText() == key.fileText())
    }

    @Test("two keys have two identifiers, one key always the same")
    func identifiers() throws {
        var random = SeededGenerator(seed: 1)
        let (first, second) = (ClusterKey.generate(using: &random), ClusterKey.generate(using: &random))
        #expect(first.id != second.id)
        #expect(first.id == makeKey().id)
    }

    @Test("comments, blank lines and other line ends do not matter")
    func tolerantText() throws {
        let key = makeKey()
        let text = "# a comment\r\n\r\n" + (key.fileText().split(separator: "\n").last.map(String.init) ?? "") + "\r\n"
        #expect(try ClusterKey(text: text).id == key.id)
    }

    @Test("a file that is not one whole key of the known form is refused, and not quoted")
    func badFiles() throws {
        let line = String(makeKey().fileText().split(separator: "\n").last ?? "")
        let changed = line.dropLast() + (line.last == "0" ? "1" : "0")
        let words = line.split(separator: " ")
        let bad = [
            "", "# only a comment\n", String(changed), line + "\n" + line, String(line.dropLast(2)), line + "00",
            line.replacingOccurrences(of: "key-1", with: "key-2"), "\(words[0]) \(words[2])",
            "\(words[0]) \(words[1]) zz",
            line + " more", String(repeating: "#", count: 5_000),
        ]
        for text in bad {
            let error = #expect(throws: SecretsError.self) { try ClusterKey(text: text) }
            #expect(error?.code == .malformedKey)
            #expect(error?.message.contains(words[2].prefix(16)) == false)
        }
    }

    @Test("a key of another length is refused", arguments: [0, 16, 31, 33, 64])
    func lengths(count: Int) {
        #expect(throws: SecretsError.self) { try ClusterKey(bytes: [UInt8](repeating: 1, count: count)) }
    }

    @Test("neither description nor dump shows the key")
    func redaction() {
        let key = makeKey()
        let secret = String(key.fileText().split(separator: " ").last?.prefix(16) ?? "")
        var dumped = ""
        dump(key, to: &dumped)
        #expect(secret.count == 16)
        for text in ["\(key)", String(reflecting: key), dumped] { #expect(!text.contains(secret)) }
    }
}
