import ProtocolTestKit
import Testing
import VPNFormats

@testable import ClusterCore

@Suite("Logins")
struct LoginPolicyTests {
    @Test("a user with the right profile and password is let in, with a token that says so")
    func password() throws {
        var fixture = try Fixture()
        let user = try fixture.addUser("alice")
        let certificate = try fixture.addCertificate(of: user)
        let admission = try #require(try fixture.login(certificate, "alice", Fixture.password).admission)
        #expect(admission.userID == user.id && admission.userName == "alice")
        #expect(admission.method == .password && admission.profile == .userLocked)
        #expect(admission.certificate == certificate.serial)
        #expect(admission.revision == fixture.revision)
        #expect(admission.tokenUserName == nil && !admission.clearsFailures)
        #expect(admission.tokenText.utf8.count == AuthToken.characterCount)
        #expect(admission.tokenSession.bytes == admission.token.sessionID)
    }

    @Test("a verifier that costs less than the settings ask for is to be made anew")
    func rehash() throws {
        var fixture = try Fixture()
        let certificate = try fixture.addCertificate(of: fixture.addUser("alice"))
        #expect(try fixture.login(certificate, "alice", Fixture.password).admission?.rehash == ScryptCost(logN: 14))
    }

    @Test("a name in another Unicode form is the same name")
    func normalisedName() throws {
        var fixture = try Fixture()
        let certificate = try fixture.addCertificate(of: fixture.addUser("ren\u{e9}"))
        #expect(try fixture.login(certificate, "rene\u{301}", Fixture.password).admission != nil)
        #expect(try fixture.snapshot.user(named: "rene\u{301}") != nil)
        #expect(try fixture.snapshot.user(named: "rene") == nil)
    }

    @Test("the token of a login opens the next one, in the same token session")
    func tokenReconnect() throws {
        var fixture = try Fixture()
        let certificate = try fixture.addCertificate(of: fixture.addUser("alice"))
        let first = try #require(try fixture.login(certificate, "alice", Fixture.password).admission)
        fixture.now = fixture.now + .seconds(600)
        let second = try #require(try fixture.login(certificate, "alice", first.tokenText).admission)
        #expect(second.method == .token)
        #expect(second.tokenSession == first.tokenSession)
        #expect(second.token.issuedInitially == first.token.issuedInitially)
        #expect(second.token.issuedNow == first.token.issuedNow + 600)
        #expect(second.tokenText != first.tokenText)
    }

    @Test("a token without a user name is good too, and the name goes with the next one")
    func tokenWithoutName() throws {
        var fixture = try Fixture()
        let certificate = try fixture.addCertificate(of: fixture.addUser("alice"))
        let first = try #require(try fixture.login(certificate, "alice", Fixture.password).admission)
        #expect(try fixture.login(certificate, "", first.tokenText).admission?.tokenUserName == "alice")
    }

    @Test("two logins by password are two token sessions")
    func twoSessions() throws {
        var fixture = try Fixture()
        let certificate = try fixture.addCertificate(of: fixture.addUser("alice"))
        let one = try fixture.login(certificate, "alice", Fixture.password).admission
        let two = try fixture.login(certificate, "alice", Fixture.password).admission
        #expect(one != nil && one?.tokenSession != two?.tokenSession)
    }

    @Test("an auto-login profile needs no password and no name, and its token continues the session")
    func autoLogin() throws {
        var fixture = try Fixture()
        let user = try fixture.addUser("kiosk", password: nil, allowsAutoLogin: true)
        let certificate = try fixture.addCertificate(of: user, profile: .autoLogin)
        let first = try #require(try fixture.login(certificate, "", "").admission)
        #expect(first.method == .certificate && first.tokenUserName == "kiosk")
        let second = try #require(try fixture.login(certificate, "kiosk", first.tokenText).admission)
        #expect(second.method == .token && second.tokenSession == first.tokenSession)
        fixture.now = fixture.now + .seconds(86_400 * 3)
        let third = try #require(try fixture.login(certificate, "kiosk", first.tokenText).admission)
        #expect(third.method == .certificate && third.tokenSession != first.tokenSession)
    }

    @Test("a user-locked profile does not open without a password because its user may use auto-login")
    func userLockedStaysLocked() throws {
        var fixture = try Fixture()
        let user = try fixture.addUser("alice", allowsAutoLogin: true)
        let certificate = try fixture.addCertificate(of: user)
        #expect(try fixture.login(certificate, "alice", "").reason == .passwordMissing)
    }

    @Test("a renegotiation by token or password keeps the token session")
    func renegotiation() throws {
        var fixture = try Fixture()
        let certificate = try fixture.addCertificate(of: fixture.addUser("alice"))
        let first = try #require(try fixture.login(certificate, "alice", Fixture.password).admission)
        fixture.now = fixture.now + .seconds(3_600)
        let byToken = try fixture.login(certificate, "alice", first.tokenText, live: first.live, hasRoom: false)
        #expect(byToken.admission?.tokenSession == first.tokenSession)
        let byPassword = try fixture.login(certificate, "alice", Fixture.password, live: first.live, isDraining: true)
        let renewed = try #require(byPassword.admission)
        #expect(renewed.tokenSession == first.tokenSession)
        #expect(renewed.token.issuedInitially == first.token.issuedInitially + 3_600)
    }

    @Test("a live session may renegotiate more rarely than tokens are renewed, within its lifetime")
    func rareRenegotiation() throws {
        var fixture = try Fixture()
        let certificate = try fixture.addCertificate(of: fixture.addUser("alice"))
        let first = try #require(try fixture.login(certificate, "alice", Fixture.password).admission)
        fixture.now = fixture.now + .seconds(36_000)
        #expect(try fixture.login(certificate, "alice", first.tokenText).reason == .tokenExpired)
        let renewed = try fixture.login(certificate, "alice", first.tokenText, live: first.live)
        #expect(renewed.admission?.tokenSession == first.tokenSession)
        fixture.now = fixture.now + .seconds(86_400)
        #expect(try fixture.login(certificate, "alice", first.tokenText, live: first.live).reason == .tokenExpired)
    }

    @Test("everything is decided again when the password was checked")
    func decidedAgain() throws {
        var fixture = try Fixture()
        let user = try fixture.addUser("alice")
        let certificate = try fixture.addCertificate(of: user)
        let changes: [(RefusalReason, (inout Fixture) -> Void)] = [
            (
                .certificateRevoked,
                { $0.update(certificate) { $0.revocation = Revocation(at: .epoch, reason: .superseded) } }
            ),
            (.userDisabled, { $0.update(user) { $0.isEnabled = false } }), (.userRemoved, { $0.users = [] }),
            (.certificateUnknown, { $0.records = [] }),
        ]
        for (reason, change) in changes {
            var later = fixture
            let check = try #require(try begin(&later, certificate, Fixture.password).check)
            change(&later)
            #expect(try finish(&later, check, matched: true).reason == reason)
        }
    }

    @Test("a password that was changed while the old one was checked is checked anew")
    func changedWhileChecking() throws {
        var fixture = try Fixture()
        let user = try fixture.addUser("alice")
        let certificate = try fixture.addCertificate(of: user)
        let check = try #require(try begin(&fixture, certificate, Fixture.password).check)
        let verifier = try PasswordVerifier.make(
            password: "another password", cost: Fixture.cheap, using: &fixture.random)
        let sealed = try fixture.sealer.seal(verifier, of: user.id, using: &fixture.random)
        fixture.update(user) { $0.passwordVerifier = sealed }
        let again = try #require(try finish(&fixture, check, matched: check.run()).check)
        #expect(!again.run())
        #expect(try finish(&fixture, again, matched: again.run()).reason == .passwordWrong)
    }

    @Test("a user who is locked out while a password is checked is not let in")
    func lockedWhileChecking() throws {
        var fixture = try Fixture()
        let user = try fixture.addUser("alice")
        let certificate = try fixture.addCertificate(of: user)
        let check = try #require(try begin(&fixture, certificate, Fixture.password).check)
        let later = fixture.now + .seconds(60)
        fixture.failures[user.id] = LoginFailures(
            user: user.id, count: 5, firstAt: fixture.now, lastAt: fixture.now, lockedUntil: later)
        #expect(try finish(&fixture, check, matched: true).reason == .lockedOut)
    }

    @Test("neither request, check nor admission shows a secret")
    func redaction() throws {
        var fixture = try Fixture()
        let certificate = try fixture.addCertificate(of: fixture.addUser("alice"))
        let request = LoginRequest(
            certificate: certificate.der, userName: "alice", password: Array(Fixture.password.utf8))
        let check = try #require(try begin(&fixture, certificate, Fixture.password).check)
        let admission = try #require(try fixture.login(certificate, "alice", Fixture.password).admission)
        var dumped = "\(request) \(check) \(admission)"
        dump(request, to: &dumped)
        dump(check, to: &dumped)
        dump(admission, to: &dumped)
        #expect(!dumped.contains(admission.tokenText))
        #expect(!dumped.contains(Fixture.password) && !dumped.contains("99, 111, 114, 114"))
    }

    private func begin(
        _ fixture: inout Fixture, _ certificate: IssuedCertificate, _ password: String
    ) throws -> LoginStep {
        let failures = fixture.failures
        return LoginPolicy().begin(
            LoginRequest(certificate: certificate.der, userName: "alice", password: Array(password.utf8)),
            snapshot: try fixture.snapshot, failures: { failures[$0] },
            circumstances: LoginCircumstances(now: fixture.now), using: &fixture.random)
    }

    private func finish(_ fixture: inout Fixture, _ check: PasswordCheck, matched: Bool) throws -> LoginStep {
        let failures = fixture.failures
        return LoginPolicy().finish(
            check, matched: matched, snapshot: try fixture.snapshot, failures: { failures[$0] },
            circumstances: LoginCircumstances(now: fixture.now), using: &fixture.random)
    }
}
