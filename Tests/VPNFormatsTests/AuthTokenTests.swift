import ProtocolTestKit
import Testing
import VPNFormats

@Suite struct AuthTokenTests {
    private let crypto = TestCryptography()
    private let zeroKey = [UInt8](repeating: 0, count: 128)

    private func key() throws -> AuthTokenKey { try AuthTokenKey(bytes: zeroKey) }

    @Test func `the published token is read and made again`() throws {
        let verified = try AuthToken.decode(
            text: Vectors.authToken, username: "test user name", key: key(), crypto: crypto)
        #expect(verified.token.sessionID == Base64.decode("0123456789abcdef"))
        #expect(verified.token.issuedInitially == 0)
        #expect(verified.token.issuedNow == 0)
        #expect(verified.signedName == .given)
        let again = try verified.token.encode(username: "test user name", key: key(), crypto: crypto)
        #expect(again == Vectors.authToken)
        #expect(again.utf8.count == AuthToken.characterCount)
    }

    @Test func `times survive a round trip`() throws {
        var random = SeededGenerator()
        for _ in 0..<50 {
            let token = try AuthToken(
                sessionID: random.bytes(12), issuedInitially: random.next(), issuedNow: random.next())
            let text = try token.encode(username: "ann", key: key(), crypto: crypto)
            #expect(try AuthToken.decode(text: text, username: "ann", key: key(), crypto: crypto).token == token)
        }
    }

    @Test func `a token signed for the empty name is told from one of the given name`() throws {
        let token = try AuthToken(sessionID: zeroKey.suffix(12).map { $0 }, issuedInitially: 1, issuedNow: 2)
        let text = try token.encode(username: "", key: key(), crypto: crypto)
        #expect(try AuthToken.decode(text: text, username: "ann", key: key(), crypto: crypto).signedName == .empty)
        #expect(try AuthToken.decode(text: text, username: "", key: key(), crypto: crypto).signedName == .given)
    }

    @Test func `a token of another user or key is refused`() throws {
        #expect(throws: FormatError.self) {
            try AuthToken.decode(text: Vectors.authToken, username: "other", key: key(), crypto: crypto)
        }
        var other = zeroKey
        other[64] = 1
        #expect(throws: FormatError.self) {
            try AuthToken.decode(
                text: Vectors.authToken, username: "test user name", key: AuthTokenKey(bytes: other), crypto: crypto)
        }
    }

    @Test func `only the 32 bytes at offset 64 of the key matter`() throws {
        var other = zeroKey
        for index in Array(0..<64) + Array(96..<128) { other[index] = 0xEE }
        let verified = try AuthToken.decode(
            text: Vectors.authToken, username: "test user name", key: AuthTokenKey(bytes: other), crypto: crypto)
        #expect(verified.signedName == .given)
    }

    @Test func `every changed character makes a token invalid`() throws {
        let text = Array(Vectors.authToken.utf8)
        for index in text.indices {
            for replacement in [UInt8(ascii: "z"), UInt8(ascii: "="), UInt8(ascii: " "), 0]
            where text[index] != replacement {
                var changed = text
                changed[index] = replacement
                let string = String(decoding: changed, as: UTF8.self)
                #expect(throws: FormatError.self) {
                    try AuthToken.decode(text: string, username: "test user name", key: key(), crypto: crypto)
                }
            }
        }
    }

    @Test(arguments: [
        "", "SESS_ID_AT_", "SESS_ID_AT_Something_wild", Vectors.authToken + "A",
        String(Vectors.authToken.dropLast()), String(Vectors.authToken.dropLast(4)) + "====",
    ])
    func `tokens of another length are refused`(text: String) throws {
        #expect(throws: FormatError.self) {
            try AuthToken.decode(text: text, username: "test user name", key: key(), crypto: crypto)
        }
    }

    @Test func `the key survives its PEM form`() throws {
        let key = try AuthTokenKey(bytes: (0..<128).map { UInt8($0) })
        #expect(try AuthTokenKey(pem: key.pem) == key)
        #expect(key.authentication == Array(64..<96))
        #expect(throws: FormatError.self) { try AuthTokenKey(bytes: [1, 2, 3]) }
    }
}
