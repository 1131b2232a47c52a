import ProtocolTestKit
import Testing
import VPNFormats

@testable import ClusterCore

@Suite("Authentication tokens")
struct TokenTests {
    private let rules = TokenRules(renewal: .seconds(3_600), lifetime: .seconds(86_400))
    private let crypto = SwiftCryptoFormatCryptography()
    private var random = SeededGenerator(seed: 9)
    private var user: User
    private let key: AuthTokenKey
    private let now = Fixture.start

    init() throws {
        let created = now - .seconds(86_400 * 30)
        user = User(id: UserID(using: &random), name: "alice", tokensValidFrom: created, createdAt: created)
        key = try AuthTokenKey(bytes: random.bytes(128))
    }

    private func judge(
        _ text: String, user: User? = nil, keys: [AuthTokenKey]? = nil, at time: Timestamp? = nil,
        refused: Set<TokenSessionID> = []
    ) -> TokenVerdict {
        rules.judge(
            text, user: user ?? self.user, keys: keys ?? [key], isRefused: refused.contains, now: time ?? now,
            crypto: crypto)
    }

    private mutating func issue(at time: Timestamp? = nil) throws -> (token: AuthToken, text: String) {
        let token = try rules.begin(for: user, now: time ?? now, using: &random)
        return (token, token.encode(username: user.name, key: key, crypto: crypto))
    }

    @Test("a fresh token is valid and says who it is")
    func fresh() throws {
        var test = self
        let (token, text) = try test.issue()
        #expect(judge(text) == .valid(token))
    }

    @Test("any changed character makes a token invalid")
    func changedCharacter() throws {
        var test = self
        let text = Array(try test.issue().text.utf8)
        for index in text.indices {
            var changed = text
            changed[index] = changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(judge(String(decoding: changed, as: UTF8.self)) == .invalid, "character \(index)")
        }
    }

    @Test("a token that is short, long or nothing but its beginning is invalid")
    func lengths() throws {
        var test = self
        let text = try test.issue().text
        for count in 0..<text.count { #expect(judge(String(text.prefix(count))) == .invalid) }
        #expect(judge(text + "A") == .invalid)
        #expect(judge(AuthToken.prefix + String(repeating: "A", count: 100_000)) == .invalid)
    }

    @Test("a token of another user or another key is invalid")
    func otherUser() throws {
        var test = self
        let text = try test.issue().text
        var other = user
        other.name = "bob"
        #expect(judge(text, user: other) == .invalid)
        #expect(judge(text, keys: [try AuthTokenKey(bytes: [UInt8](repeating: 1, count: 128))]) == .invalid)
        #expect(judge(text, keys: []) == .invalid)
    }

    @Test("a token that is signed for no name is invalid")
    func emptyName() throws {
        var test = self
        let token = try test.issue().token
        #expect(judge(token.encode(username: "", key: key, crypto: crypto)) == .invalid)
    }

    @Test("a token of the key before is still valid")
    func olderKey() throws {
        var test = self
        let (token, text) = try test.issue()
        #expect(judge(text, keys: [try AuthTokenKey(bytes: random0), key]) == .valid(token))
    }

    private var random0: [UInt8] { [UInt8](repeating: 7, count: 128) }

    @Test("a token that was not renewed for twice the interval has expired, with two minutes of grace")
    func notRenewed() throws {
        var test = self
        let (token, text) = try test.issue()
        #expect(judge(text, at: now + .seconds(7_200 + 119)) == .valid(token))
        #expect(judge(text, at: now + .seconds(7_200 + 120)) == .expired(.notRenewed))
    }

    @Test("a token that is renewed is good until its session is too old")
    func lifetime() throws {
        var test = self
        var token = try test.issue().token
        for hour in 1...24 { token = try rules.renew(token, now: now + .seconds(hour * 3_600)) }
        let text = token.encode(username: user.name, key: key, crypto: crypto)
        #expect(judge(text, at: now + .seconds(86_400 + 120)) == .valid(token))
        #expect(judge(text, at: now + .seconds(86_400 + 121)) == .expired(.lifetimeOver))
    }

    @Test("renewing keeps session and begin, and never goes back in time")
    func renewing() throws {
        var test = self
        let token = try test.issue().token
        let renewed = try rules.renew(token, now: now + .seconds(60))
        #expect(renewed.sessionID == token.sessionID)
        #expect(renewed.issuedInitially == token.issuedInitially)
        #expect(renewed.issuedNow == token.issuedNow + 60)
        #expect(try rules.renew(renewed, now: now).issuedNow == renewed.issuedNow)
    }

    @Test("a token from a clock that is ahead is good for two minutes, then it has expired")
    func future() throws {
        var test = self
        let (token, text) = try test.issue()
        #expect(judge(text, at: now - .seconds(120)) == .valid(token))
        #expect(judge(text, at: now - .seconds(121)) == .expired(.fromTheFuture))
    }

    @Test("a token from before the user's tokensValidFrom has expired, without grace")
    func credentialsChanged() throws {
        var test = self
        let (token, text) = try test.issue()
        var changed = user
        changed.tokensValidFrom = now
        #expect(judge(text, user: changed) == .valid(token))
        changed.tokensValidFrom = now + .microseconds(1)
        #expect(judge(text, user: changed) == .expired(.credentialsChanged))
    }

    @Test("who logs in right after a change keeps the session, even by a clock that is late")
    func loginAfterChange() throws {
        var test = self
        test.user.tokensValidFrom = now + .milliseconds(700)
        for late in [Timestamp(seconds: now.seconds), now - .seconds(60)] {
            let (token, text) = try test.issue(at: late)
            #expect(test.judge(text, user: test.user, at: late) == .valid(token))
        }
    }

    @Test("a token of a session that was ended has expired")
    func refused() throws {
        var test = self
        let (token, text) = try test.issue()
        let session = try #require(TokenSessionID(bytes: token.sessionID))
        #expect(judge(text, refused: [session]) == .expired(.sessionEnded))
        let renewed = try rules.renew(token, now: now + .seconds(60))
        let text2 = renewed.encode(username: user.name, key: key, crypto: crypto)
        #expect(judge(text2, at: now + .seconds(60), refused: [session]) == .expired(.sessionEnded))
        #expect(rules.expiry(of: token) == now + .seconds(86_400 + 120))
    }

    @Test("times that no clock has are invalid or expired, and never trap")
    func impossibleTimes() throws {
        let times: [(UInt64, UInt64)] = [
            (.max, .max), (0, .max), (.max, 0), (UInt64(now.seconds), 0), (1 << 40, 1 << 40),
        ]
        for (initially, issued) in times {
            let token = try AuthToken(
                sessionID: [UInt8](repeating: 1, count: 12), issuedInitially: initially, issuedNow: issued)
            let verdict = judge(token.encode(username: user.name, key: key, crypto: crypto))
            if case .valid = verdict { Issue.record("\(initially) \(issued) is valid") }
            _ = rules.expiry(of: token)
        }
    }

    @Test("the published token is read: zero key, time 0, of a user from 1970")
    func publishedToken() throws {
        let text = "SESS_ID_AT_0123456789abcdefAAAAAAAAAAAAAAAAAAAAAE5JsQJOVfo8jnI3RL3tBaR5NkE4yPfcylFUHmHSc5Bu"
        let zero = try AuthTokenKey(bytes: [UInt8](repeating: 0, count: 128))
        let user = User(id: self.user.id, name: "test user name", tokensValidFrom: .epoch, createdAt: .epoch)
        let token = try AuthToken(
            sessionID: #require(Base64.decode("0123456789abcdef")), issuedInitially: 0, issuedNow: 0)
        #expect(judge(text, user: user, keys: [zero], at: .epoch) == .valid(token))
        #expect(judge(text, user: user, keys: [zero], at: now) == .expired(.notRenewed))
    }
}
