import ProtocolTestKit
import Testing
import VPNFormats

@testable import ClusterCore

@Suite("Primitives and row codes")
struct CryptographyTests {
    @Test("HMAC-SHA256 gives what RFC 4231 gives for its second case")
    func hmac() {
        let code = SwiftCryptoFormatCryptography().hmacSHA256(
            key: Array("Jefe".utf8), message: Array("what do ya want for nothing?".utf8))
        #expect(Hex.encode(code) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test("AES-256-CTR gives what NIST SP 800-38A F.5.5 gives, and carries through the whole counter block")
    func counterMode() throws {
        let key = try #require(Hex.decode("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"))
        let block = try #require(Hex.decode("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"))
        let plain = try #require(Hex.decode("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"))
        let crypto = SwiftCryptoFormatCryptography()
        let sealed = crypto.aes256CTR(key: key, iv: block, data: plain)
        #expect(Hex.encode(sealed) == "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5")
        #expect(crypto.aes256CTR(key: key, iv: block, data: sealed) == plain)
        #expect(crypto.aes256CTR(key: key, iv: block, data: []).isEmpty)
    }

    private func makeAuthenticator(seed: UInt64 = 1) -> ClusterRowAuthenticator {
        var random = SeededGenerator(seed: seed)
        return ClusterRowAuthenticator(key: .generate(using: &random), clusterID: ClusterID(using: &random))
    }

    private let row = AuthenticatedRow(table: "users", fields: [.bytes([1]), .text("alice"), .integer(1), .null])

    @Test("a row's code is valid for that row and no other")
    func rowCodes() {
        let code = makeAuthenticator().code(for: row)
        let others = [
            AuthenticatedRow(table: "users", fields: [.bytes([1]), .text("alice"), .integer(0), .null]),
            AuthenticatedRow(table: "user", fields: [.bytes([1]), .text("alice"), .integer(1), .null]),
            AuthenticatedRow(table: "users", fields: [.bytes([1]), .text("alice"), .integer(1)]),
            AuthenticatedRow(table: "users", fields: [.text("\u{1}"), .text("alice"), .integer(1), .null]),
        ]
        #expect(code.count == 41)
        #expect(makeAuthenticator().isValid(code, for: row))
        for other in others { #expect(!makeAuthenticator().isValid(code, for: other)) }
    }

    @Test("a changed, short, long or empty code is not valid, nor one of another key")
    func badCodes() {
        let code = makeAuthenticator().code(for: row)
        for index in code.indices {
            var changed = code
            changed[index] ^= 0x40
            #expect(!makeAuthenticator().isValid(changed, for: row))
            #expect(!makeAuthenticator().isValid(Array(code.prefix(index)), for: row))
        }
        #expect(!makeAuthenticator().isValid(code + [0], for: row))
        #expect(!makeAuthenticator(seed: 2).isValid(code, for: row))
    }

    @Test("shared secrets have the lengths that the formats ask for and differ from one another")
    func sharedSecrets() throws {
        var random = SeededGenerator(seed: 1)
        let (one, two) = (try SharedSecrets.generate(using: &random), try SharedSecrets.generate(using: &random))
        #expect(one != two)
        #expect(one.tlsCryptV2.bytes != one.authToken.bytes)
        #expect(one.cookie.count == 32)
        #expect("\(one)" == "SharedSecrets(redacted)")
    }

    @Test("bytes of a generator are as many as asked for", arguments: [0, 1, 7, 8, 9, 33])
    func randomBytes(count: Int) {
        var random = SeededGenerator(seed: 1)
        #expect([UInt8].random(count: count, using: &random).count == count)
    }
}
