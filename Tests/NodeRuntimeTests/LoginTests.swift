import ClusterCore
import ClusterOperations
import StorageSQLite
import Testing
import VPNEngine
import VPNFormats
import VPNProtocol

@testable import NodeRuntime

@Suite("Logins on a node")
struct LoginTests {
    @Test("the right password lets in with an address and a token; the token alone lets in again")
    func passwordThenToken() async throws {
        try await Site.with { site in
            let der = try await site.certificate(of: "user1").der
            try await site.withNode { engine in
                let first = await engine.connect(der, "user1", Site.password)
                let grant = try #require(first.decision.grant)
                #expect(grant.ipv4 != nil && grant.ipv6 != nil)
                let token = try #require(grant.authToken)
                #expect(token.hasPrefix("SESS_ID_AT_"))
                engine.leave(first.handle)
                let second = await engine.connect(der, "user1", token)
                #expect(second.decision.grant?.ipv4 == grant.ipv4, "the address that the client had before")
                let again = await engine.login(second.handle, der, "user1", token, isRenegotiation: true)
                #expect(again.grant?.ipv4 == grant.ipv4)
            }
        }
    }

    @Test("a wrong password, another user's profile and an unknown token are refused with words for the client")
    func refused() async throws {
        try await Site.with(users: ["user1", "user2"]) { site in
            let der = try await site.certificate(of: "user1").der
            try await site.withNode { engine in
                let wrong = await engine.connect(der, "user1", "not the password").decision
                #expect(wrong.refusal?.form == .failed && wrong.refusal?.text.contains("Wrong") == true)
                let other = await engine.connect(der, "user2", Site.password).decision
                #expect(other.refusal?.text.contains("another user") == true)
                let token = await engine.connect(der, "user1", "SESS_ID_AT_" + String(repeating: "A", count: 80))
                    .decision
                #expect(token.refusal != nil)
                let garbage = await engine.connect([1, 2, 3], "user1", Site.password).decision
                #expect(garbage.refusal?.form == .failed)
            }
        }
    }

    @Test("five wrong passwords lock the user out, on disk too, until an operator unlocks")
    func lockOut() async throws {
        try await Site.with { site in
            let der = try await site.certificate(of: "user1").der
            let users = UserOperations(site.session)
            try await site.withNode { engine in
                for _ in 0..<5 { _ = await engine.connect(der, "user1", "not the password") }
                let locked = await engine.connect(der, "user1", Site.password).decision
                #expect(locked.refusal?.text.contains("Too many") == true)
                let stored = try await eventually {
                    let failures = try await users.details(of: "user1").failures
                    return failures?.lockedUntil == nil ? nil : failures
                }
                #expect(stored?.count == 5)
                _ = try await users.change("user1", UserOperations.Changes(unlocks: true))
                let unlocked = try await eventually {
                    await engine.connect(der, "user1", Site.password).decision.grant
                }
                #expect(unlocked != nil)
                let cleared = try await eventually { try await users.details(of: "user1").failures == nil ? true : nil }
                #expect(cleared == true)
            }
        }
    }

    @Test("after a new password the old token is asked to log in again, and the new password lets in")
    func newPassword() async throws {
        try await Site.with { site in
            let der = try await site.certificate(of: "user1").der
            try await site.withNode { engine in
                let first = await engine.connect(der, "user1", Site.password)
                let token = try #require(first.decision.grant?.authToken)
                try await Task.sleep(for: .milliseconds(1100))
                try await UserOperations(site.session).setPassword(of: "user1", to: "another good password")
                let refused = try await eventually { await engine.connect(der, "user1", token).decision.refusal }
                #expect(refused?.form == .sessionExpired)
                #expect(await engine.connect(der, "user1", Site.password).decision.refusal != nil)
                #expect(await engine.connect(der, "user1", "another good password").decision.grant != nil)
            }
        }
    }

    @Test("no two sessions share an address, and a full node asks to try later")
    func addresses() async throws {
        try await Site.with(settings: ["limit.clients": "8"]) { site in
            let der = try await site.certificate(of: "user1").der
            try await site.withNode { engine in
                let decisions = await withTaskGroup(of: LoginDecision.self) { group in
                    for _ in 0..<12 { group.addTask { await engine.connect(der, "user1", Site.password).decision } }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                let addresses = decisions.compactMap { $0.grant?.ipv4 }
                #expect(addresses.count == 8 && Set(addresses).count == 8)
                #expect(
                    decisions.compactMap(\.refusal).allSatisfy {
                        if case .temporary = $0.form { true } else { false }
                    })
            }
        }
    }

    @Test("a login whose certificate is revoked while its password is being checked does not come in")
    func revokedMeanwhile() async throws {
        try await Site.with { site in
            let (der, serial) = try await site.certificate(of: "user1")
            let key = site.key
            let before = try await site.backend.read { try Snapshot.load(from: $0, key: key) }
            let subnet = ClientSubnets(before.settings).firstFree(taken: [])
            var registry = SessionRegistry(snapshot: before, pool: try #require(AddressPool(subnet: subnet)))
            let login = Login(
                session: SessionHandle(rawValue: 1), remote: try #require(.init("192.0.2.1:1")),
                request: VPNProtocol.LoginRequest(
                    isRenegotiation: false, certificate: der,
                    credentials: Credentials(username: "user1", password: Site.password), peerInfo: PeerInfo()))
            var random = SystemRandomNumberGenerator()
            let now = before.readAt
            guard case .check(let check) = registry.begin(login, now: now, using: &random) else {
                Issue.record("a password is to be checked")
                return
            }
            _ = try await ProfileOperations(site.session).revoke(serial.description)
            let after = try await site.backend.read { try Snapshot.load(from: $0, key: key) }
            #expect(registry.replace(after, now: after.readAt).isEmpty)
            let matched = check.run()
            #expect(matched)
            guard
                case .refused(let refusal, _) = registry.finish(
                    check, matched: matched, login, now: after.readAt, using: &random)
            else {
                Issue.record("a revoked certificate does not come in")
                return
            }
            #expect(refusal.reason == .certificateRevoked)
            #expect(registry.sessions.isEmpty)
        }
    }

    @Test("a password is hashed anew at the next login when the cost rises")
    func rehash() async throws {
        try await Site.with { site in
            let der = try await site.certificate(of: "user1").der
            try await SettingOperations(site.session).set(["password.scrypt-cost": "15"])
            let users = UserOperations(site.session)
            let old = try await users.details(of: "user1").user
            try await site.withNode { engine in
                #expect(await engine.connect(der, "user1", Site.password).decision.grant != nil)
                let new = try await eventually {
                    let user = try await users.details(of: "user1").user
                    return user.passwordVerifier == old.passwordVerifier ? nil : user
                }
                #expect(new?.tokensValidFrom == old.tokensValidFrom)
                let again = try await eventually { await engine.connect(der, "user1", Site.password).decision.grant }
                #expect(again != nil)
            }
        }
    }

    @Test("when the queue of passwords is full, work is turned away at once, and what waits is done")
    func hashingQueue() async {
        let pool = HashingPool(threads: 1, queueLimit: 3)
        let results = await withTaskGroup(of: Bool?.self) { group in
            for _ in 0..<30 {
                group.addTask {
                    await pool.run {
                        var waste = 0
                        for number in 0..<2_000_000 { waste &+= number }
                        return waste != 1
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.contains(nil))
        #expect(results.filter { $0 == true }.count >= 3)
    }
}
