import ClusterCore
import StorageSQLite
import Testing

@Suite("Changes of configuration")
struct ConfigurationChangeTests {
    @Test("making the cluster gives revision 1 and an audit entry, and can be done once")
    func creation() async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        let cluster = try await backend.read { try $0.config.cluster() }
        #expect(cluster?.id == store.clusterID)
        let revision = try await backend.read { try $0.config.revision() }
        #expect(revision.number == 1)
        #expect(revision.lineage == cluster?.lineage)
        let entry = try await backend.read { try $0.config.auditEntries(before: nil, limit: 10) }.rows
        #expect(entry.map(\.action) == [.createCluster])
        #expect(entry.first?.change == revision.change)
        let again = ClusterInfo(id: sample(9), lineage: sample(8), createdAt: store.environment.now)
        let code = await failureCode {
            try await backend.write { writer in try writer.change(by: .test) { try $0.createCluster(again) } }
        }
        #expect(code == .constraint("cluster"))
        await backend.close()
    }

    @Test("an empty database has no cluster, and says so")
    func emptyDatabase() async throws {
        let backend = try await TestStore().open()
        #expect(try await backend.read { try $0.config.cluster() } == nil)
        #expect(await failureCode { try await backend.read { try $0.config.revision() } } == .notFound)
        #expect(await failureCode { try await backend.read { try $0.config.settings() } } == .notFound)
        let code = await failureCode {
            try await backend.write { writer in
                try writer.change(by: .test) { try $0.set("hostname", to: "vpn.example.com") }
            }
        }
        #expect(code == .notFound)
        await backend.close()
    }

    @Test("each change makes one revision with an audit entry for each thing that it wrote")
    func auditOfChange() async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        store.environment.now = Timestamp(microseconds: 1_800_000_000_123_456)
        let user = sampleUser(5, name: "alice")
        let certificate = try sampleCertificate(6, user: user.id)
        try await backend.write { writer in
            try writer.change(by: AuditActor(kind: .operator, name: "root@host")) { change in
                try change.add(user)
                try change.add(certificate)
                try change.set(.hostname, to: "vpn.example.com")
            }
        }
        let revision = try await backend.read { try $0.config.revision() }
        #expect(revision.number == 2)
        let entries = try await backend.read { try $0.config.auditEntries(before: nil, limit: 3) }
        #expect(entries.rows.map(\.action) == [.setSetting, .issueCertificate, .addUser])
        #expect(entries.rows.map(\.position.index) == [2, 1, 0])
        #expect(entries.rows.allSatisfy { $0.revision == 2 && $0.change == revision.change })
        #expect(entries.rows.allSatisfy { $0.at == store.environment.now && $0.actor.name == "root@host" })
        #expect(entries.rows.last?.entity == ChangedEntity(kind: .user, id: user.id.description))
        let rest = try await backend.read { try $0.config.auditEntries(before: entries.next, limit: 10) }
        #expect(rest.rows.map(\.action) == [.createCluster])
        #expect(rest.next == nil)
        await backend.close()
    }

    @Test("a change that writes what is there already makes no revision")
    func nothingChanged() async throws {
        let backend = try await TestStore().openWithCluster()
        let user = try await backend.write { writer in
            try writer.change(by: .test) { change in
                try change.set("push.dns-servers", to: "192.0.2.53, 2001:db8::53")
                return try change.add(sampleUser(5, name: "alice"))
            }
        }
        let before = try await backend.read { try $0.config.revision() }
        try await backend.write { writer in
            try writer.change(by: .test) { change in
                try change.set("push.dns-servers", to: "192.0.2.53 2001:db8::53")
                try change.unset("hostname")
                _ = try change.update(user)
            }
        }
        #expect(try await backend.read { try $0.config.revision() } == before)
        await backend.close()
    }

    @Test("an update that carries an old version is refused, so that no update is lost")
    func lostUpdate() async throws {
        let backend = try await TestStore().openWithCluster()
        let read = try await backend.write { try $0.change(by: .test) { try $0.add(sampleUser(5, name: "alice")) } }
        var first = read
        first.isEnabled = false
        let firstUpdate = first
        let stored = try await backend.write { try $0.change(by: .test) { try $0.update(firstUpdate) } }
        #expect(stored.version == 2)
        var second = read
        second.isAdmin = true
        let secondUpdate = second
        let code = await failureCode {
            try await backend.write { try $0.change(by: .test) { try $0.update(secondUpdate) } }
        }
        #expect(code == .outdated)
        let now = try await backend.read { try $0.accounts.user(read.id) }
        #expect(now?.isEnabled == false)
        #expect(now?.isAdmin == false)
        let detail = try await backend.read { try $0.config.auditEntries(before: nil, limit: 1) }.rows.first?.detail
        #expect(detail == "alice: disabled")
        await backend.close()
    }

    @Test("a name that looks the same and has other bytes is another name")
    func renamedBytes() async throws {
        let backend = try await TestStore().openWithCluster()
        var user = try await backend.write { writer in
            try writer.change(by: .test) { try $0.add(sampleUser(5, name: "\u{e4}lice")) }
        }
        user.name = "a\u{308}lice"
        let renamed = user
        _ = try await backend.write { try $0.change(by: .test) { try $0.update(renamed) } }
        #expect(try await backend.read { try $0.accounts.user(named: "a\u{308}lice")?.id } == user.id)
        #expect(try await backend.read { try $0.accounts.user(named: "\u{e4}lice") } == nil)
        await backend.close()
    }

    @Test("names of users are unique byte for byte, whatever their letters")
    func uniqueNames() async throws {
        let backend = try await TestStore().openWithCluster()
        let names = ["alice", "Alice", "älice", "a\u{308}lice", "爱丽丝", "🦊", "o'brien; DROP TABLE users --", "%", "_"]
        try await backend.write { writer in
            try writer.change(by: .test) { change in
                for (index, name) in names.enumerated() {
                    try change.add(sampleUser(UInt64(index + 10), name: name))
                }
            }
        }
        for (index, name) in names.enumerated() {
            let found = try await backend.read { try $0.accounts.user(named: name) }
            #expect(found?.id == sample(UInt64(index + 10)), "\(name)")
            let code = await failureCode {
                try await backend.write { writer in
                    try writer.change(by: .test) { try $0.add(sampleUser(UInt64(index + 100), name: name)) }
                }
            }
            #expect(code == .constraint("user.name"), "\(name)")
        }
        await backend.close()
    }

    @Test("removing a user revokes the user's certificates and forgets what else was known")
    func removal() async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        let user = sampleUser(5, name: "alice")
        let mine = try sampleCertificate(6, user: user.id)
        let others = try sampleCertificate(7, user: sample(99))
        let now = store.environment.now
        try await backend.write { writer in
            try writer.change(by: .test) { change in
                try change.add(user)
                try change.add(mine)
                try change.add(others)
            }
            try writer.accounts.record(LoginFailures(user: user.id, count: 1, firstAt: now, lastAt: now))
        }
        try await backend.write { writer in try writer.change(by: .test) { try $0.removeUser(user.id) } }
        let revoked = try await backend.read { try $0.certificates.certificate(mine.serial) }
        #expect(revoked?.revocation == Revocation(at: now, reason: .cessationOfOperation))
        #expect(revoked?.version == 2)
        #expect(try await backend.read { try $0.certificates.certificate(others.serial)?.revocation } == nil)
        #expect(try await backend.read { try $0.accounts.loginFailures(of: user.id) } == nil)
        #expect(try await backend.read { try $0.accounts.user(named: "alice") } == nil)
        let code = await failureCode {
            try await backend.write { writer in try writer.change(by: .test) { try $0.removeUser(user.id) } }
        }
        #expect(code == .notFound)
        await backend.close()
    }

    @Test("a certificate that is revoked keeps its first revocation")
    func revocation() async throws {
        let backend = try await TestStore().openWithCluster()
        let certificate = try sampleCertificate(6, user: sample(5))
        let first = Revocation(at: Timestamp(seconds: 1_800_000_001), reason: .keyCompromise)
        let second = Revocation(at: Timestamp(seconds: 1_800_000_002), reason: .superseded)
        try await backend.write { writer in
            try writer.change(by: .test) { change in
                try change.add(certificate)
                try change.revokeCertificate(certificate.serial, first)
                try change.revokeCertificate(certificate.serial, second)
            }
        }
        #expect(try await backend.read { try $0.certificates.certificate(certificate.serial)?.revocation } == first)
        let doubled = await failureCode {
            try await backend.write { writer in try writer.change(by: .test) { try $0.add(certificate) } }
        }
        #expect(doubled == .constraint("certificate.serial"))
        await backend.close()
    }

    @Test("changes since a revision are told one by one, or as a reload where the history does not reach")
    func delta() async throws {
        let backend = try await TestStore().openWithCluster()
        let start = try await backend.read { try $0.config.revision() }
        #expect(try await backend.read { try $0.config.changes(since: start) } == .none)
        let user = sampleUser(5, name: "alice")
        try await backend.write { writer in try writer.change(by: .test) { try $0.add(user) } }
        try await backend.write { writer in
            try writer.change(by: .test) { change in
                try change.set("hold-tun", to: "yes")
                try change.removeUser(user.id)
            }
        }
        let end = try await backend.read { try $0.config.revision() }
        let expected = [
            ChangedEntity(kind: .setting, id: "hold-tun"), ChangedEntity(kind: .user, id: user.id.description),
        ]
        #expect(try await backend.read { try $0.config.changes(since: start) } == .changed(expected, end))

        let elsewhere: [Revision] = [
            Revision(lineage: sample(77), number: start.number, change: start.change),
            Revision(lineage: start.lineage, number: start.number, change: sample(77)),
            Revision(lineage: end.lineage, number: end.number, change: sample(77)),
            Revision(lineage: end.lineage, number: end.number + 5, change: end.change),
        ]
        for revision in elsewhere {
            #expect(try await backend.read { try $0.config.changes(since: revision) } == .reloadAll(end))
        }
        await backend.close()
    }

    @Test("settings are normalised, checked and unset; an unknown name or value is refused with a hint")
    func settings() async throws {
        let backend = try await TestStore().openWithCluster()
        try await backend.write { writer in
            try writer.change(by: .test) { change in
                try change.set("hostname", to: "VPN.Example.com.")
                try change.set(.clientPing, to: .seconds(10))
            }
        }
        let settings = try await backend.read { try $0.config.settings() }.value
        #expect(settings[.hostname] == "vpn.example.com")
        #expect(settings[.clientPing] == .seconds(10))
        #expect(settings[.holdTun] == false)
        #expect(settings.stored == ["hostname": "vpn.example.com", "keepalive.client-ping": "10s"])
        for (name, value) in [
            ("hostname", "a b"), ("client.networks", "10.0.0.1/8"), ("no-such", "1"), ("hold-tun", ""),
        ] {
            await #expect(throws: SettingError.self) {
                try await backend.write { writer in
                    try writer.change(by: .test) { try $0.set(name, to: value) }
                }
            }
        }
        try await backend.write { writer in try writer.change(by: .test) { try $0.unset("hostname") } }
        #expect(try await backend.read { try $0.config.settings() }.value[.hostname] == "")
        await backend.close()
    }

    @Test("secrets come newest first of each purpose, and go when they are removed")
    func secrets() async throws {
        let backend = try await TestStore().openWithCluster()
        let value = try #require(SealedValue([9, 9, 9]))
        let old = SealedSecret(id: sample(1), purpose: .cookie, value: value, createdAt: Timestamp(seconds: 1))
        let new = SealedSecret(id: sample(2), purpose: .cookie, value: value, createdAt: Timestamp(seconds: 2))
        let other = SealedSecret(id: sample(3), purpose: .authToken, value: value, createdAt: Timestamp(seconds: 0))
        try await backend.write { writer in
            try writer.change(by: .test) { change in for secret in [old, new, other] { try change.add(secret) } }
        }
        #expect(try await backend.read { try $0.config.secrets() }.value == [other, new, old])
        try await backend.write { writer in try writer.change(by: .test) { try $0.removeSecret(old.id) } }
        #expect(try await backend.read { try $0.config.secrets() }.value == [other, new])
        await backend.close()
    }

    @Test("a token session stays refused until the later of two ends, and is pruned after it")
    func refusals() async throws {
        let backend = try await TestStore().openWithCluster()
        let session = try #require(TokenSessionID("0102030405060708090a0b0c"))
        @Sendable func refusal(until seconds: Int64) -> TokenRefusal {
            TokenRefusal(
                tokenSession: session, user: sample(5), refusedAt: Timestamp(seconds: seconds - 50),
                expiresAt: Timestamp(seconds: seconds))
        }
        for seconds: Int64 in [100, 300, 200] {
            try await backend.write { writer in
                try writer.change(by: .test) { try $0.refuse(refusal(until: seconds)) }
            }
        }
        let page = try await backend.read { try $0.accounts.tokenRefusals(after: nil, limit: 10) }
        #expect(page.rows.map(\.expiresAt) == [Timestamp(seconds: 300)])
        #expect(page.rows.map(\.refusedAt) == [Timestamp(seconds: 50)])
        #expect(try await backend.read { try $0.config.revision().number } == 3)
        func prune(_ seconds: Int64) async throws -> Int {
            try await backend.write {
                try $0.accounts.pruneTokenRefusals(expiredBefore: Timestamp(seconds: seconds), limit: 10)
            }
        }
        #expect(try await prune(300) == 0)
        #expect(try await prune(301) == 1)
        await backend.close()
    }

    @Test("the audit log is pruned by age, but not what changes are told from")
    func auditPruning() async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        try await backend.write { writer in
            for index in 0..<1010 {
                try writer.change(by: .test) { try $0.set("limit.clients", to: "\(index + 1)") }
            }
        }
        let later = store.environment.now + .seconds(1)
        let count = try await backend.write { try $0.pruneAuditLog(before: later, limit: 1000) }
        #expect(count == 11)
        let again = try await backend.write { try $0.pruneAuditLog(before: later, limit: 1000) }
        #expect(again == 0)
        await backend.close()
    }

    @Test("pages give every row once, in byte order")
    func paging() async throws {
        let backend = try await TestStore().openWithCluster()
        let names = (0..<2500).map { "user\($0)" }
        try await backend.write { writer in
            try writer.change(by: .test) { change in
                for (index, name) in names.enumerated() { try change.add(sampleUser(UInt64(index + 1), name: name)) }
            }
        }
        var seen: [String] = []
        var position: String?
        repeat {
            let after = position
            let page = try await backend.read { try $0.accounts.users(after: after, limit: 1000) }
            seen += page.rows.map(\.name)
            position = page.next
        } while position != nil
        #expect(seen == names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        for limit in [0, -1, 1001] {
            #expect(
                await failureCode { try await backend.read { try $0.accounts.users(after: nil, limit: limit) } }
                    == .misuse)
        }
        await backend.close()
    }

    @Test("a value of a megabyte comes back as it was, a larger one is refused")
    func largeValues() async throws {
        let backend = try await TestStore().openWithCluster()
        let bytes = (0..<StorageLimits.valueBytes).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let secret = SealedSecret(
            id: sample(1), purpose: .tlsCrypt, value: try #require(SealedValue(bytes)),
            createdAt: Timestamp(microseconds: 1_800_000_000_000_001))
        try await backend.write { writer in try writer.change(by: .test) { try $0.add(secret) } }
        #expect(try await backend.read { try $0.config.secrets() }.value == [secret])
        #expect(SealedValue(bytes + [0]) == nil)
        await backend.close()
    }
}
