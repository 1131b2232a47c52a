import ProtocolTestKit
import Testing
import VPNFormats

@testable import ClusterCore

@Suite("The review of live sessions")
struct SessionReviewTests {
    /// A fixture with one live session of alice.
    private func makeLive(
        allowsAutoLogin: Bool = false, profile: ProfileKind = .userLocked
    ) throws -> (Fixture, User, IssuedCertificate, Admission) {
        var fixture = try Fixture()
        let user = try fixture.addUser("alice", allowsAutoLogin: allowsAutoLogin)
        let certificate = try fixture.addCertificate(of: user, profile: profile)
        let admission = try #require(try fixture.login(certificate, "alice", Fixture.password).admission)
        return (fixture, user, certificate, admission)
    }

    private func reason(
        _ fixture: Fixture, _ admission: Admission, _ history: SessionReview.History = .continued
    ) throws -> RefusalReason? {
        try SessionReview(snapshot: fixture.snapshot, history: history).reasonToEnd(
            admission.reviewed, now: fixture.now)
    }

    @Test("a session goes on when nothing of its own has changed, or its password did")
    func unchanged() throws {
        var (fixture, user, _, admission) = try makeLive()
        #expect(try reason(fixture, admission) == nil)
        try fixture.addUser("bob")
        fixture.update(user) {
            $0.tokensValidFrom = $0.tokensValidFrom + .seconds(10)
            $0.passwordVerifier = nil
        }
        #expect(try reason(fixture, admission) == nil)
    }

    @Test("a session ends when its user is disabled, its certificate revoked or expired, or an operator ends it")
    func outright() throws {
        let changes: [(RefusalReason, (inout Fixture, User, IssuedCertificate, Admission) -> Void)] = [
            (.userDisabled, { fixture, user, _, _ in fixture.update(user) { $0.isEnabled = false } }),
            (
                .certificateRevoked,
                { fixture, _, certificate, _ in
                    fixture.update(certificate) { $0.revocation = Revocation(at: .epoch, reason: .superseded) }
                }
            ),
            (.certificateExpired, { fixture, _, certificate, _ in fixture.now = certificate.notAfter + .seconds(1) }),
            (.sessionEnded, { fixture, _, _, admission in fixture.end(admission) }),
        ]
        for (expected, change) in changes {
            var (fixture, user, certificate, admission) = try makeLive()
            change(&fixture, user, certificate, admission)
            #expect(try reason(fixture, admission) == expected)
            #expect(try reason(fixture, admission, .unknown) == expected)
        }
    }

    @Test("a session of an auto-login profile ends when its user may not use one any more")
    func autoLoginWithdrawn() throws {
        var (fixture, user, _, admission) = try makeLive(allowsAutoLogin: true, profile: .autoLogin)
        #expect(try reason(fixture, admission) == nil)
        fixture.update(user) { $0.allowsAutoLogin = false }
        #expect(try reason(fixture, admission) == .autoLoginNotAllowed)
    }

    @Test("what a later snapshot lacks ends a session; what one of unknown history lacks does not")
    func missing() throws {
        var (fixture, _, _, admission) = try makeLive()
        fixture.records = []
        #expect(try reason(fixture, admission) == .certificateUnknown)
        #expect(try reason(fixture, admission, .unknown) == nil)
        fixture.users = []
        #expect(try reason(fixture, admission) == .userRemoved)
        #expect(try reason(fixture, admission, .unknown) == nil)
    }

    @Test("a certificate that is another user's now ends the session")
    func movedCertificate() throws {
        var (fixture, _, certificate, admission) = try makeLive()
        let bob = try fixture.addUser("bob")
        fixture.update(certificate) { $0.user = bob.id }
        #expect(try reason(fixture, admission) == .certificateUnknown)
    }

    @Test("only a later revision of the same lineage continues the history")
    func history() throws {
        var (fixture, _, _, admission) = try makeLive()
        var random = SeededGenerator(seed: 2)
        let old = fixture.revision
        let next = Revision(lineage: old.lineage, number: old.number + 1, change: ChangeID(using: &random))
        let restored = Revision(lineage: LineageID(using: &random), number: old.number + 5, change: old.change)
        let twin = Revision(lineage: old.lineage, number: old.number, change: ChangeID(using: &random))
        let cases: [(previous: Revision?, present: Revision, ends: Bool)] = [
            (nil, old, true), (old, old, true), (old, next, true), (next, old, false), (old, restored, false),
            (old, twin, false),
        ]
        fixture.users = []
        for (previous, present, ends) in cases {
            fixture.revision = present
            let review = SessionReview(snapshot: try fixture.snapshot, after: previous)
            #expect((review.reasonToEnd(admission.reviewed, now: fixture.now) != nil) == ends)
        }
    }
}

@Suite("What a client is told")
struct ClientPlanTests {
    private func makeSettings(_ stored: [String: String] = [:]) -> Settings {
        var random = SeededGenerator(seed: 1)
        return Settings(cluster: ClusterID(using: &random), stored: stored)
    }

    @Test("desktops notice a dead node within 4 s, phones save their battery")
    func defaults() {
        let desktop = ConnectionTiming(makeSettings(), platform: "linux")
        #expect(desktop.serverPing == .seconds(1) && desktop.clientPingSeconds == 8)
        #expect(desktop.clientRestartSeconds == 4 && desktop.serverTimeout >= .seconds(17))
        for platform in ["android", "ios", "iOS"] {
            let mobile = ConnectionTiming(makeSettings(), platform: platform)
            #expect(mobile.serverPing == .seconds(25) && mobile.clientPingSeconds == 25)
            #expect(mobile.clientRestartSeconds == 60 && mobile.serverTimeout >= .seconds(75))
        }
    }

    @Test("a restart time that is not longer than the node's ping is made so, seconds are rounded up")
    func bounds() {
        let settings = makeSettings([
            "keepalive.server-ping": "10s", "keepalive.client-restart": "2s", "keepalive.client-ping": "1500ms",
            "keepalive.client-timeout": "10s",
        ])
        #expect(settings.problems.isEmpty)
        let timing = ConnectionTiming(settings, platform: "win")
        #expect(timing.clientRestartSeconds == 11)
        #expect(timing.clientPingSeconds == 2)
        #expect(timing.serverTimeout == .seconds(10))
    }

    @Test("what is pushed comes from the settings")
    func push() {
        let inputs = PushInputs(
            makeSettings([
                "push.redirect-gateway": "false", "push.routes": "192.0.2.0/24", "push.dns-servers": "192.0.2.53",
                "push.search-domains": "example.com", "hold-tun": "true",
            ]))
        #expect(!inputs.redirectsGateway && inputs.holdsTun)
        #expect(inputs.routes.map(\.description) == ["192.0.2.0/24"])
        #expect(inputs.dnsServers.map(\.description) == ["192.0.2.53"])
        #expect(inputs.searchDomains == ["example.com"])
        #expect(PushInputs(makeSettings()).redirectsGateway)
    }
}
