import Foundation
import ProtocolTestKit
import Testing
import VPNFormats

@testable import ClusterCore

@Suite("Refused logins")
struct RefusalTests {
    /// A way to be refused: what differs from a good login of alice.
    struct Attempt: CustomTestStringConvertible, Sendable {
        let reason: RefusalReason
        let testDescription: String
        let run: @Sendable (inout Fixture, User, IssuedCertificate) throws -> LoginStep

        init(
            _ reason: RefusalReason, _ description: String,
            _ run: @escaping @Sendable (inout Fixture, User, IssuedCertificate) throws -> LoginStep
        ) {
            self.reason = reason
            self.testDescription = description
            self.run = run
        }
    }

    static let attempts: [Attempt] = certificateAttempts + credentialAttempts + tokenAttempts + nodeAttempts

    static let certificateAttempts: [Attempt] = [
        Attempt(.certificateUnreadable, "bytes that are no certificate") { fixture, _, _ in
            try fixture.login(LoginRequest(certificate: [1, 2, 3], userName: "alice", password: Array("x".utf8)))
        },
        Attempt(.certificateUnreadable, "no certificate") { fixture, _, _ in
            try fixture.login(LoginRequest(certificate: [], userName: "alice", password: Array("x".utf8)))
        },
        Attempt(.certificateNotForClients, "the server's own certificate") { fixture, _, _ in
            try fixture.login(fixture.server.certificate, "alice", Fixture.password)
        },
        Attempt(.certificateUnknown, "a certificate that the store does not have") { fixture, _, certificate in
            fixture.records = []
            return try fixture.login(certificate, "alice", Fixture.password)
        },
        Attempt(.certificateUnknown, "a certificate of another authority with that serial and user") {
            fixture, user, own in
            var other = try Fixture(seed: 99)
            other.users = [user]
            let foreign = try other.addCertificate(of: user)
            fixture.update(own) { $0.serial = foreign.serial }
            return try fixture.login(foreign, "alice", Fixture.password)
        },
        Attempt(.certificateUnknown, "a row that was given to another user") { fixture, _, certificate in
            let bob = try fixture.addUser("bob")
            fixture.update(certificate) { $0.user = bob.id }
            return try fixture.login(certificate, "bob", Fixture.password)
        },
        Attempt(.certificateRevoked, "a revoked certificate") { fixture, _, certificate in
            fixture.update(certificate) { $0.revocation = Revocation(at: .epoch, reason: .keyCompromise) }
            return try fixture.login(certificate, "alice", Fixture.password)
        },
        Attempt(.certificateNotYetValid, "more than two minutes before its time") { fixture, _, certificate in
            fixture.now = certificate.notBefore - .seconds(121)
            return try fixture.login(certificate, "alice", Fixture.password)
        },
        Attempt(.certificateExpired, "after its time") { fixture, _, certificate in
            fixture.now = certificate.notAfter + .microseconds(1)
            return try fixture.login(certificate, "alice", Fixture.password)
        },
        Attempt(.userRemoved, "a user who is gone") { fixture, _, certificate in
            fixture.users = []
            return try fixture.login(certificate, "alice", Fixture.password)
        },
        Attempt(.userRemoved, "a new user of the old name") { fixture, _, certificate in
            fixture.users = []
            try fixture.addUser("alice")
            return try fixture.login(certificate, "alice", Fixture.password)
        },
        Attempt(.userDisabled, "a disabled user") { fixture, user, certificate in
            fixture.update(user) { $0.isEnabled = false }
            return try fixture.login(certificate, "alice", Fixture.password)
        },
        Attempt(.otherUsersProfile, "someone else's profile, own name and password") { fixture, _, certificate in
            try fixture.addUser("bob", password: "the password of bob")
            return try fixture.login(certificate, "bob", "the password of bob")
        },
        Attempt(.otherUsersProfile, "a name that no user can have") { fixture, _, certificate in
            try fixture.login(certificate, "alice\n", Fixture.password)
        },
        Attempt(.autoLoginNotAllowed, "an auto-login profile of a user who may not") { fixture, user, _ in
            try fixture.login(fixture.addCertificate(of: user, profile: .autoLogin), "alice", Fixture.password)
        },
    ]

    static let credentialAttempts: [Attempt] = [
        Attempt(.passwordMissing, "no password") { fixture, _, certificate in
            try fixture.login(certificate, "alice", "")
        },
        Attempt(.passwordMissing, "a password without a name") { fixture, _, certificate in
            try fixture.login(certificate, "", Fixture.password)
        },
        Attempt(.passwordWrong, "a wrong password") { fixture, _, certificate in
            try fixture.login(certificate, "alice", Fixture.password + "!")
        },
        Attempt(.passwordWrong, "bytes that are no text") { fixture, _, certificate in
            try fixture.login(LoginRequest(certificate: certificate.der, userName: "alice", password: [0xff, 0xfe]))
        },
        Attempt(.passwordNotSet, "a user without a password") { fixture, _, _ in
            let carol = try fixture.addUser("carol", password: nil)
            return try fixture.login(fixture.addCertificate(of: carol), "carol", "not the password")
        },
        Attempt(.lockedOut, "the right password after five wrong ones") { fixture, _, certificate in
            for _ in 0..<5 { _ = try fixture.login(certificate, "alice", "wrong password") }
            return try fixture.login(certificate, "alice", Fixture.password)
        },
        Attempt(.verifierUnreadable, "a verifier of another user put into the row") { fixture, user, certificate in
            let bob = try fixture.addUser("bob")
            fixture.update(user) { $0.passwordVerifier = bob.passwordVerifier }
            return try fixture.login(certificate, "alice", Fixture.password)
        },
    ]

    static let tokenAttempts: [Attempt] = [
        Attempt(.tokenInvalid, "a token with a changed byte") { fixture, _, certificate in
            let text = try fixture.token(certificate)
            return try fixture.login(certificate, "alice", text.dropLast() + (text.last == "A" ? "B" : "A"))
        },
        Attempt(.tokenInvalid, "a token that is too short") { fixture, _, certificate in
            try fixture.login(certificate, "alice", String(fixture.token(certificate).dropLast(4)))
        },
        Attempt(.tokenInvalid, "the beginning of a token and bytes that are no text") { fixture, _, certificate in
            let password = Array(AuthToken.prefix.utf8) + [0xff]
            return try fixture.login(
                LoginRequest(certificate: certificate.der, userName: "alice", password: password))
        },
        Attempt(.tokenInvalid, "the token of another user") { fixture, _, certificate in
            let bob = try fixture.addUser("bob")
            let token = try fixture.login(fixture.addCertificate(of: bob), "bob", Fixture.password).admission?.tokenText
            return try fixture.login(certificate, "alice", token ?? "")
        },
        Attempt(.tokenExpired, "a token from before a change of the password") { fixture, user, certificate in
            let text = try fixture.token(certificate)
            let now = fixture.now
            fixture.update(user) { $0.tokensValidFrom = now + .seconds(1) }
            fixture.now = now + .seconds(2)
            return try fixture.login(certificate, "alice", text)
        },
        Attempt(.tokenExpired, "a token that was not renewed") { fixture, _, certificate in
            let text = try fixture.token(certificate)
            fixture.now = fixture.now + .seconds(2 * 3_600 + 121)
            return try fixture.login(certificate, "alice", text)
        },
        Attempt(.tokenExpired, "a token beyond the lifetime that a setting gives") { fixture, _, certificate in
            fixture.settings["token.lifetime"] = "10m"
            let text = try fixture.token(certificate)
            fixture.now = fixture.now + .seconds(600 + 121)
            return try fixture.login(certificate, "alice", text)
        },
        Attempt(.sessionEnded, "a token of a session that was ended") { fixture, user, certificate in
            let admission = try #require(try fixture.login(certificate, "alice", Fixture.password).admission)
            fixture.end(admission)
            return try fixture.login(certificate, "alice", admission.tokenText)
        },
        Attempt(.sessionEnded, "a password in a live session that was ended") { fixture, _, certificate in
            let admission = try #require(try fixture.login(certificate, "alice", Fixture.password).admission)
            fixture.end(admission)
            return try fixture.login(certificate, "alice", Fixture.password, live: admission.live)
        },
        Attempt(.identityChanged, "another user in a renegotiation") { fixture, _, certificate in
            let live = try #require(try fixture.login(certificate, "alice", Fixture.password).admission?.live)
            let bob = try fixture.addUser("bob")
            return try fixture.login(fixture.addCertificate(of: bob), "bob", Fixture.password, live: live)
        },
        Attempt(.identityChanged, "another certificate of the same user in a renegotiation") {
            fixture, user, certificate in
            let live = try #require(try fixture.login(certificate, "alice", Fixture.password).admission?.live)
            return try fixture.login(fixture.addCertificate(of: user), "alice", Fixture.password, live: live)
        },
        Attempt(.identityChanged, "another session's token in a renegotiation") { fixture, _, certificate in
            let live = try #require(try fixture.login(certificate, "alice", Fixture.password).admission?.live)
            return try fixture.login(certificate, "alice", fixture.token(certificate), live: live)
        },
    ]

    static let nodeAttempts: [Attempt] = [
        Attempt(.nodeFull, "a node that is full") { fixture, _, certificate in
            try fixture.login(certificate, "alice", Fixture.password, hasRoom: false)
        },
        Attempt(.draining, "a node that drains") { fixture, _, certificate in
            try fixture.login(certificate, "alice", Fixture.password, isDraining: true)
        },
    ]

    @Test("each attempt is refused for its reason", arguments: attempts)
    func refused(attempt: Attempt) throws {
        var fixture = try Fixture()
        let user = try fixture.addUser("alice")
        let certificate = try fixture.addCertificate(of: user)
        #expect(try fixture.login(certificate, "alice", Fixture.password).admission != nil)
        let step = try attempt.run(&fixture, user, certificate)
        #expect(step.reason == attempt.reason)
    }

    @Test("every reason that the policy itself gives has an attempt")
    func complete() {
        let byNode: Set<RefusalReason> = [.noAddress, .busy, .notReady]
        let missing = Set(RefusalReason.allCases).subtracting(byNode).subtracting(Self.attempts.map(\.reason))
        #expect(missing.isEmpty, "\(missing)")
    }

    @Test("wrong passwords are counted and forgotten; nothing else counts")
    func counting() throws {
        var fixture = try Fixture()
        let user = try fixture.addUser("alice")
        let certificate = try fixture.addCertificate(of: user)
        for count in 1...4 {
            _ = try fixture.login(certificate, "alice", "wrong password")
            #expect(fixture.failures[user.id]?.count == count)
        }
        _ = try fixture.login(certificate, "alice", "")
        _ = try fixture.login(certificate, "bob", "wrong password")
        _ = try fixture.login(certificate, "alice", AuthToken.prefix)
        #expect(fixture.failures[user.id]?.count == 4)
        let admission = try fixture.login(certificate, "alice", Fixture.password).admission
        #expect(admission?.clearsFailures == true)
        #expect(fixture.failures.isEmpty)
    }

    @Test("a lock-out ends by itself, and does not keep out a session that has a token")
    func lockoutOverTime() throws {
        var fixture = try Fixture()
        let certificate = try fixture.addCertificate(of: fixture.addUser("alice"))
        let token = try fixture.token(certificate)
        for _ in 0..<5 { _ = try fixture.login(certificate, "alice", "wrong password") }
        fixture.now = fixture.now + .seconds(899)
        #expect(try fixture.login(certificate, "alice", Fixture.password).reason == .lockedOut)
        #expect(try fixture.login(certificate, "alice", token).admission != nil)
        fixture.now = fixture.now + .seconds(1)
        #expect(try fixture.login(certificate, "alice", Fixture.password).admission != nil)
    }

    @Test("who holds no profile of a user cannot lock that user out")
    func noLockoutByOthers() throws {
        var fixture = try Fixture()
        let alice = try fixture.addUser("alice")
        let own = try fixture.addCertificate(of: alice)
        let bobs = try fixture.addCertificate(of: fixture.addUser("bob"))
        for _ in 0..<20 { _ = try fixture.login(bobs, "alice", "wrong password") }
        #expect(try fixture.login(own, "alice", Fixture.password).admission != nil)
    }

    @Test("texts are what a client can show", arguments: RefusalReason.allCases)
    func texts(reason: RefusalReason) {
        #expect((1...100).contains(reason.clientText.utf8.count))
        #expect(reason.clientText.utf8.allSatisfy { (0x20...0x7e).contains($0) })
        #expect(!reason.clientText.contains { ",[]:".contains($0) })
        #expect(!reason.operatorText.isEmpty && !reason.operatorText.contains("\n"))
        for (temporary, three) in [(false, false), (true, false), (false, true), (true, true)] {
            let message = reason.controlMessage(understandsTemporary: temporary, isOpenVPN3: three)
            #expect(message.hasPrefix("AUTH_FAILED,") || message.hasPrefix("RESTART,"))
            #expect(message.utf8.count <= 200)
        }
    }

    @Test("messages are in the forms of the OpenVPN protocol")
    func forms() {
        let text = RefusalReason.busy.clientText
        #expect(
            RefusalReason.busy.controlMessage(understandsTemporary: true)
                == "AUTH_FAILED,TEMP[backoff 2,advance no]:\(text)")
        #expect(RefusalReason.busy.controlMessage(understandsTemporary: false) == "RESTART,[P]\(text)")
        let full = RefusalReason.nodeFull
        #expect(full.controlMessage(understandsTemporary: false) == "RESTART,[NP]\(full.clientText)")
        #expect(full.controlMessage(understandsTemporary: false, isOpenVPN3: true) == "RESTART,[P]:\(full.clientText)")
        #expect(RefusalReason.tokenExpired.controlMessage(understandsTemporary: true).hasPrefix("AUTH_FAILED,SESSION:"))
    }

    @Test("docs/refusals.md shows every reason with its text")
    func documentation() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("docs/refusals.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        for reason in RefusalReason.allCases {
            let row = text.split(separator: "\n").first { $0.hasPrefix("| `\(reason.rawValue)` |") }
            #expect(row?.contains(reason.clientText) == true, "\(reason.rawValue)")
            let form =
                switch reason.form {
                case .failed: "| failed |"
                case .sessionExpired: "| session |"
                case .temporary(let seconds, let advance): "| temporary (\(seconds) s, \(advance.rawValue)) |"
                }
            #expect(row?.contains(form) == true, "\(reason.rawValue): \(form)")
        }
    }
}

extension Fixture {
    /// The token of a login by password.
    mutating func token(_ certificate: IssuedCertificate) throws -> String {
        try #require(try login(certificate, "alice", Fixture.password).admission).tokenText
    }

    /// Ends a token session, as an operator does.
    mutating func end(_ admission: Admission) {
        refusals.append(
            TokenRefusal(
                tokenSession: admission.tokenSession, user: admission.userID, refusedAt: now,
                expiresAt: now + .seconds(90_000)))
    }
}
