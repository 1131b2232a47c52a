import ProtocolTestKit
import Testing
import VPNFormats

@testable import ClusterCore

@Suite("Names and passwords")
struct PasswordTests {
    @Test(
        "user names that may be, in their one form",
        arguments: [
            ("alice", "alice"), ("Alice Smith", "Alice Smith"), ("alice@example.com", "alice@example.com"),
            ("e\u{301}", "\u{e9}"), ("名前", "名前"), ("a-b_c.d+e", "a-b_c.d+e"),
            (String(repeating: "x", count: 64), String(repeating: "x", count: 64)),
        ])
    func goodNames(text: String, expected: String) throws {
        let name = try UserNameRules.parse(text)
        #expect(Array(name.unicodeScalars) == Array(expected.unicodeScalars))
    }

    @Test(
        "user names that may not be",
        arguments: [
            "", " ", " a", "a ", "a  b", "-a", ".a", "a\nb", "a\0b", "a\tb", "a/b", "a\\b", "a\"b", "a,b", "a:b", "a<b",
            "a\u{200b}b", "a\u{202e}b", "a\u{2028}b", "a\u{a0}b", "a\u{e000}b", "a=b", "$(a)",
            String(repeating: "x", count: 65), String(repeating: "名", count: 43),
            String(repeating: "x", count: 100_000),
        ])
    func badNames(text: String) {
        #expect(throws: AccountRuleError.self) { try UserNameRules.parse(text) }
        #expect(UserNameRules.lookupForm(text) == nil)
    }

    @Test(
        "passwords that may be",
        arguments: ["12345678", "pass word", "пароль-пароль", String(repeating: "x", count: 127)])
    func goodPasswords(password: String) throws {
        try PasswordRules.check(password, userName: "alice")
    }

    @Test(
        "passwords that may not be",
        arguments: [
            "", "1234567", String(repeating: "x", count: 128), "password\n", "pass\0word", "ALICE-ALICE",
            "SESS_ID_AT_aaaaaaaa", "CRV1::abcdefgh", "SCRV1:aaaa:bbbb", String(repeating: "é", count: 64),
        ])
    func badPasswords(password: String) {
        let error = #expect(throws: AccountRuleError.self) {
            try PasswordRules.check(password, userName: "alice-alice")
        }
        #expect(password.isEmpty || error?.description.contains(password) == false || password.hasSuffix("_AT_"))
    }

    @Test("the hash is that of RFC 7914 section 12")
    func publishedVector() throws {
        let hash = try #require(
            Hex.decode(
                "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                    + "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"))
        let salt = Base64.encode(Array("SodiumChloride".utf8)).filter { $0 != "=" }
        let text = "$scrypt$ln=14,r=8,p=1$\(salt)$\(Base64.encode(hash).filter { $0 != "=" })"
        let verifier = try #require(PasswordVerifier(encoded: text))
        #expect(verifier.matches("pleaseletmein"))
        #expect(!verifier.matches("pleaseletmeim"))
        #expect(verifier.encoded() == text)
    }

    private func makeVerifier(_ password: String) throws -> PasswordVerifier {
        var random = SeededGenerator(seed: 5)
        return try PasswordVerifier.make(password: password, cost: Fixture.cheap, using: &random)
    }

    @Test("a verifier takes its password, in any Unicode form, and no other")
    func matching() throws {
        let verifier = try makeVerifier("cafe\u{301} au lait")
        #expect(verifier.matches("cafe\u{301} au lait"))
        #expect(verifier.matches("caf\u{e9} au lait"))
        for wrong in [
            "", "cafe au lait", "caf\u{e9} au lait ", "Caf\u{e9} au lait", String(repeating: "x", count: 2_000),
        ] {
            #expect(!verifier.matches(wrong))
        }
    }

    @Test("the text form is read back; a changed salt, cost or hash takes no password")
    func textForm() throws {
        let verifier = try makeVerifier("password 1")
        let text = verifier.encoded()
        #expect(PasswordVerifier(encoded: text) == verifier)
        #expect(text.hasPrefix("$scrypt$ln=10,r=8,p=1$"))
        let other = try #require(PasswordVerifier(encoded: text.replacing("ln=10", with: "ln=11")))
        #expect(!other.matches("password 1"))
    }

    @Test(
        "text that is no verifier, or asks for too much, is refused",
        arguments: [
            "", "$", "$$$$", "scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$", "$scrypt$ln=15,r=8,p=1$$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=63,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=20,r=32,p=16$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=-1,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=99999999999999999999,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$r=8,ln=15,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAA!$AAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA$",
        ])
    func badText(text: String) {
        #expect(PasswordVerifier(encoded: text) == nil)
    }

    @Test("a decoy takes nothing, whatever is tried, and does the work of a real one")
    func decoy() throws {
        let decoy = PasswordVerifier.decoy(cost: Fixture.cheap)
        #expect(!decoy.matches("anything at all"))
        #expect(decoy.cost == Fixture.cheap)
        let cost = try #require(ScryptCost(logN: 14))
        var random = SeededGenerator(seed: 5)
        let real = try PasswordVerifier.make(password: "password 1", cost: cost, using: &random)
        let fake = PasswordVerifier.decoy(cost: cost)
        // The fastest of several runs: other programs slow this machine down, nothing speeds it up.
        func shortest(_ verifier: PasswordVerifier) -> Duration? {
            (0..<5).map { _ in ContinuousClock().measure { _ = verifier.matches("password 2") } }.min()
        }
        let (realTime, fakeTime) = (try #require(shortest(real)), try #require(shortest(fake)))
        #expect(fakeTime > realTime / 3 && realTime > fakeTime / 3)
    }

    @Test("a verifier that costs less than wanted is made anew, one that costs as much or more is not")
    func rehash() throws {
        let verifier = try makeVerifier("password 1")
        #expect(verifier.needsRehash(wanted: .standard))
        #expect(!verifier.needsRehash(wanted: Fixture.cheap))
        #expect(verifier.needsRehash(wanted: try #require(ScryptCost(logN: 10, parallelism: 2))))
        let strong = try #require(ScryptCost(logN: 11))
        #expect(!ScryptCost.standard.isLower(than: strong))
    }

    @Test("an empty or endless password has no verifier")
    func noVerifier() {
        #expect(throws: SecretsError.self) { try makeVerifier("") }
        #expect(throws: SecretsError.self) { try makeVerifier(String(repeating: "x", count: 1_025)) }
    }

    @Test("neither description nor dump shows salt or hash")
    func redaction() throws {
        let verifier = try makeVerifier("password 1")
        var dumped = ""
        dump(verifier, to: &dumped)
        let hash = String(verifier.encoded().split(separator: "$").last ?? "")
        #expect(!dumped.contains(hash) && !"\(verifier)".contains(hash))
        #expect(!dumped.contains("\(verifier.hash[0]), \(verifier.hash[1])"))
    }
}
