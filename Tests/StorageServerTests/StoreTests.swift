import ClusterCore
import Dispatch
import SQLDriverTestKit
import StorageSQL
import Synchronization
import Testing
import VPNFormats

@Suite("Stores on database servers", .serialized)
struct StoreTests {
    @Test("users are added, changed by version, found and paged byte for byte, and removed", arguments: Engine.allCases)
    func users(_ engine: Engine) async throws {
        let backend = try await TestDatabase.make(engine).openWithCluster()
        let names = [
            "alice", "Alice", "alice ", "älice", "a\u{308}lice", "爱丽丝", "🦊", "o'brien; DROP TABLE users --", "%",
        ]
        try await backend.write { writer in
            try writer.change(by: .test) { change in
                for (index, name) in names.enumerated() {
                    _ = try change.add(sampleUser(UInt64(index + 10), name: name))
                }
            }
        }
        for (index, name) in names.enumerated() {
            #expect(try await backend.read { try $0.accounts.user(named: name)?.id } == sample(UInt64(index + 10)))
            let error = await failure {
                try await backend.write { writer in
                    try writer.change(by: .test) { _ = try $0.add(sampleUser(UInt64(index + 100), name: name)) }
                }
            }
            #expect(error?.code == .constraint("user.name"), "\(name)")
        }
        let again = await failure {
            try await backend.write { writer in
                try writer.change(by: .test) { _ = try $0.add(sampleUser(10, name: "new")) }
            }
        }
        #expect(again?.code == .constraint("user.id"))

        var seen: [String] = []
        var position: String?
        repeat {
            let after = position
            let page = try await backend.read { try $0.accounts.users(after: after, limit: 4) }
            seen += page.rows.map(\.name)
            position = page.next
        } while position != nil
        #expect(seen == names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })

        let read = try #require(try await backend.read { try $0.accounts.user(named: "alice") })
        var changed = read
        changed.isEnabled = false
        let update = changed
        let stored = try await backend.write { try $0.change(by: .test) { try $0.update(update) } }
        #expect(stored.version == 2 && stored.createdAt == read.createdAt)
        let stale = await failure { try await backend.write { try $0.change(by: .test) { try $0.update(update) } } }
        #expect(stale?.code == .outdated)
        try await backend.write { writer in try writer.change(by: .test) { try $0.removeUser(read.id) } }
        #expect(try await backend.read { try $0.accounts.userCount() } == names.count - 1)
        await backend.close()
    }

    @Test("changes make revisions and audit entries, and are told since a revision", arguments: Engine.allCases)
    func changes(_ engine: Engine) async throws {
        let backend = try await TestDatabase.make(engine).openWithCluster()
        let start = try await backend.read { try $0.config.revision() }
        #expect(start.number == 1)
        let user = sampleUser(5, name: "alice")
        try await backend.write { writer in
            try writer.change(by: .test) { change in
                _ = try change.add(user)
                try change.set("hold-tun", to: "yes")
            }
        }
        let end = try await backend.read { try $0.config.revision() }
        #expect(end.number == 2)
        let expected = [
            ChangedEntity(kind: .setting, id: "hold-tun"), ChangedEntity(kind: .user, id: user.id.description),
        ]
        #expect(try await backend.read { try $0.config.changes(since: start) } == .changed(expected, end))
        #expect(try await backend.read { try $0.config.settings() }.value[.holdTun])
        let entries = try await backend.read { try $0.config.auditEntries(before: nil, limit: 2) }
        #expect(entries.rows.map(\.action) == [.setSetting, .addUser])
        let rest = try await backend.read { try $0.config.auditEntries(before: entries.next, limit: 10) }
        #expect(rest.rows.map(\.action) == [.createCluster])
        let failed = await failure {
            try await backend.write { writer in
                try writer.change(by: .test) { change in
                    try change.unset("hold-tun")
                    _ = try? change.add(sampleUser(6, name: "alice"))
                }
            }
        }
        #expect(failed?.code == .constraint("user.name"), "a failed statement loses its transaction")
        #expect(try await backend.read { try $0.config.revision() } == end)
        await backend.close()
    }

    @Test("a value of a megabyte comes back as it was", arguments: Engine.allCases)
    func largeValues(_ engine: Engine) async throws {
        let backend = try await TestDatabase.make(engine).openWithCluster()
        let bytes = (0..<StorageLimits.valueBytes).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let secret = SealedSecret(
            id: sample(1), purpose: .tlsCrypt, value: try #require(SealedValue(bytes)),
            createdAt: Timestamp(microseconds: 1_800_000_000_000_001))
        try await backend.write { writer in try writer.change(by: .test) { try $0.add(secret) } }
        #expect(try await backend.read { try $0.config.secrets() }.value == [secret])
        await backend.close()
    }

    private func session(_ number: UInt64, node: UInt64 = 1, epoch: Int64 = 1, address: UInt8) throws -> Session {
        Session(
            id: sample(number),
            tokenSession: try #require(TokenSessionID(bytes: [UInt8](repeating: address, count: 12))),
            user: sample(5), userName: "alice", certificate: nil, node: sample(node), nodeEpoch: epoch,
            remoteAddress: try #require(SocketAddress("[2001:db8::1]:40000")), ipv4: IPv4Address(10, 56, 0, address),
            ipv6: IPv6Address(bits: 0xfd << 120 | UInt128(address)), cipher: "AES-256-GCM", clientVersion: "2.6.14",
            clientPlatform: "linux", connectedAt: Timestamp(seconds: 1_800_000_000),
            updatedAt: Timestamp(seconds: 1_800_000_000))
    }

    @Test("sessions begin, are counted and end in the log; addresses are one session's", arguments: Engine.allCases)
    func sessions(_ engine: Engine) async throws {
        let backend = try await TestDatabase.make(engine).openWithCluster()
        let session = try session(20, address: 9)
        for _ in 0..<2 { try await backend.write { try $0.sessions.begin([session]) } }
        #expect(try await backend.read { try $0.sessions.session(session.id) } == session)
        let foreign = try self.session(21, node: 2, address: 9)
        let clash = await failure { try await backend.write { try $0.sessions.begin([foreign]) } }
        #expect(clash?.code == .constraint("session.address"))
        let moved = try #require(SocketAddress("192.0.2.7:1194"))
        for (received, sent) in [(100, 200), (50, 300)] as [(Int64, Int64)] {
            let update = SessionUpdate(
                id: session.id, remoteAddress: moved, traffic: Traffic(bytesReceived: received, bytesSent: sent))
            try await backend.write { try $0.sessions.update([update]) }
        }
        let counted = try await backend.read { try $0.sessions.session(session.id) }
        #expect(counted?.traffic == Traffic(bytesReceived: 100, bytesSent: 300))
        #expect(counted?.remoteAddress == moved)
        let end = SessionEnd(
            id: session.id, at: Timestamp(seconds: 1_800_000_040), reason: "client-exit",
            traffic: Traffic(bytesReceived: .max, bytesSent: 500))
        #expect(try await backend.write { try $0.sessions.end([end]) } == 1)
        #expect(try await backend.write { try $0.sessions.end([end]) } == 0)
        let old = try self.session(30, epoch: 1, address: 8)
        try await backend.write { try $0.sessions.begin([foreign, old]) }
        let stale = try await backend.write {
            try $0.sessions.endSessions(of: old.node, beforeEpoch: 2, reason: "node-restart", limit: 100)
        }
        #expect(stale == 1)
        let log = try await backend.read { try $0.sessions.connectionLog(of: nil, after: nil, limit: 1) }
        #expect(log.rows.map(\.session.traffic.bytesReceived) == [.max])
        let rest = try await backend.read { try $0.sessions.connectionLog(of: sample(5), after: log.next, limit: 9) }
        #expect(rest.rows.map(\.reason) == ["node-restart"])
        await backend.close()
    }

    @Test("a node's epoch fences, and names and subnets are one node's", arguments: Engine.allCases)
    func nodes(_ engine: Engine) async throws {
        let backend = try await TestDatabase.make(engine).openWithCluster()
        let now = Timestamp(seconds: 1_800_000_000)
        func node(_ number: UInt64, _ name: String, _ subnets: [String]) -> Node {
            Node(
                id: sample(number), name: name, hostname: "h", softwareVersion: "1",
                subnets: subnets.compactMap { IPPrefix($0) }, createdAt: now, startedAt: now, lastSeenAt: now)
        }
        let first = node(1, "n1", ["10.56.0.0/22", "fd00::/64"])
        try await backend.write { try $0.nodes.add(first) }
        #expect(try await backend.read { try $0.nodes.node(first.id) } == first)
        for (node, rule) in [
            (node(2, "n1", []), "node.name"), (node(1, "n2", []), "node.id"),
            (node(2, "n2", ["10.56.2.0/24"]), "node.subnet"),
        ] {
            let error = await failure { try await backend.write { try $0.nodes.add(node) } }
            #expect(error?.code == .constraint(rule))
        }
        func begin(after epoch: Int64) async throws -> Node {
            try await backend.write {
                try $0.nodes.beginEpoch(of: first.id, after: epoch, hostname: "h2", softwareVersion: "2")
            }
        }
        let begun = try await begin(after: 0)
        #expect(await failure { try await begin(after: 0) }?.code == .fenced)
        _ = try await backend.write { try $0.nodes.renew(begun.lease) }
        #expect(await failure { try await backend.write { try $0.nodes.renew(begun.lease) } }?.code == .fenced)
        try await backend.write { try $0.nodes.setState(.removed, of: first.id) }
        let heir = node(2, "n1", ["10.56.0.0/22"])
        try await backend.write { try $0.nodes.add(heir) }
        await backend.close()
    }

    @Test("two backends count every one of their increments", .timeLimit(.minutes(2)), arguments: Engine.allCases)
    func contention(_ engine: Engine) async throws {
        let database = try await TestDatabase.make(engine)
        let first = try await database.openWithCluster()
        let second = try await database.open(.existing)
        let user: UserID = sample(5)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<40 {
                let backend = index.isMultiple(of: 2) ? first : second
                group.addTask { _ = try await increment(backend, user) }
            }
            try await group.waitForAll()
        }
        #expect(try await second.read { try $0.accounts.loginFailures(of: user)?.count } == 40)
        await first.close()
        await second.close()
    }

    @Test(
        "a commit whose outcome is lost on the network is neither lost nor applied twice",
        arguments: Engine.allCases, [FaultProxy.Fault.dropAnswer, .dropRequest])
    func unknownCommit(_ engine: Engine, _ fault: FaultProxy.Fault) async throws {
        let database = try await TestDatabase.make(engine)
        let direct = try await database.openWithCluster()
        let proxy = try FaultProxy(to: try Servers.port(engine))
        let backend = try await database.open(.existing, port: proxy.port)
        let user: UserID = sample(5)
        #expect(try await increment(backend, user) == 1)
        // The last thing that the body does is to arm the proxy: the next thing on the wire is the commit.
        let armed = Gate()
        let count = try await backend.write { writer in
            let now = try writer.now()
            var failures =
                try writer.accounts.loginFailures(of: user)
                ?? LoginFailures(user: user, count: 0, firstAt: now, lastAt: now)
            failures.count += 1
            let stored = try writer.accounts.record(failures)
            if armed.isFirst() { proxy.arm(fault) }
            return stored.count
        }
        #expect(count == 2)
        proxy.arm(.none)
        #expect(try await direct.read { try $0.accounts.loginFailures(of: user)?.count } == 2)
        await backend.close()
        await direct.close()
        proxy.close()
    }

    @Test("a task that is cancelled while its statement waits ends soon and writes nothing", arguments: Engine.allCases)
    func cancellation(_ engine: Engine) async throws {
        let database = try await TestDatabase.make(engine)
        let backend = try await database.openWithCluster()
        let (locked, done) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        async let holding: Void = onBlockingThread("hold") {
            let connection = try database.connect()
            try connection.begin(.write)
            try connection.execute("UPDATE revision SET number = number + 1 WHERE id = ?", [.integer(1)])
            locked.signal()
            _ = done.wait(timeout: .now() + 20)
            connection.rollback()
        }
        try await onBlockingThread("locked") { _ = locked.wait(timeout: .now() + 20) }
        let start = ContinuousClock.now
        let task = Task {
            try await backend.write { writer in
                try writer.change(by: .test) { _ = try $0.add(sampleUser(5, name: "alice")) }
            }
        }
        try await Task.sleep(for: .milliseconds(700))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(ContinuousClock.now - start < .seconds(3))
        done.signal()
        try await holding
        #expect(try await backend.read { try $0.accounts.userCount() } == 0)
        await backend.close()
    }

    /// Counts up the failed logins of a user.
    private func increment(_ backend: SQLBackend, _ user: UserID) async throws -> Int {
        try await backend.write { writer in
            let now = try writer.now()
            var failures =
                try writer.accounts.loginFailures(of: user)
                ?? LoginFailures(user: user, count: 0, firstAt: now, lastAt: now)
            failures.count += 1
            return try writer.accounts.record(failures).count
        }
    }
}

/// Says `true` once.
private final class Gate: Sendable {
    private let isOpen = Mutex(true)

    func isFirst() -> Bool {
        isOpen.withLock { isOpen in
            defer { isOpen = false }
            return isOpen
        }
    }
}
