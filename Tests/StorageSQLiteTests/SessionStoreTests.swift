import ClusterCore
import StorageSQLite
import Testing
import VPNFormats

@Suite("Sessions and nodes")
struct SessionStoreTests {
    private func session(_ number: UInt64, node: UInt64 = 1, epoch: Int64 = 1, address: UInt8) throws -> Session {
        Session(
            id: sample(number),
            tokenSession: try #require(TokenSessionID(bytes: [UInt8](repeating: address, count: 12))),
            user: sample(5), userName: "alice", certificate: try sampleCertificate(6, user: sample(5)).serial,
            node: sample(node), nodeEpoch: epoch,
            remoteAddress: try #require(SocketAddress("[2001:db8::1]:40000")), ipv4: IPv4Address(10, 56, 0, address),
            ipv6: IPv6Address(bits: 0xfd << 120 | UInt128(address)), cipher: "AES-256-GCM", clientVersion: "2.6.14",
            clientPlatform: "linux", connectedAt: Timestamp(seconds: 1_800_000_000),
            updatedAt: Timestamp(seconds: 1_800_000_000))
    }

    @Test("a session begins, is counted, ends in the log; every step can be repeated")
    func life() async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        let session = try session(20, address: 9)
        for _ in 0..<2 { try await backend.write { try $0.sessions.begin([session]) } }
        #expect(try await backend.read { try $0.sessions.session(session.id) } == session)
        store.environment.now = Timestamp(seconds: 1_800_000_030)
        let moved = try #require(SocketAddress("192.0.2.7:1194"))
        for (received, sent) in [(100, 200), (50, 300)] as [(Int64, Int64)] {
            let update = SessionUpdate(
                id: session.id, remoteAddress: moved, traffic: Traffic(bytesReceived: received, bytesSent: sent))
            try await backend.write { try $0.sessions.update([update]) }
        }
        let counted = try await backend.read { try $0.sessions.session(session.id) }
        #expect(counted?.traffic == Traffic(bytesReceived: 100, bytesSent: 300))
        #expect(counted?.remoteAddress == moved)
        #expect(counted?.updatedAt == store.environment.now)

        let end = SessionEnd(
            id: session.id, at: Timestamp(seconds: 1_800_000_040), reason: "client-exit",
            traffic: Traffic(bytesReceived: 400, bytesSent: 500))
        #expect(try await backend.write { try $0.sessions.end([end]) } == 1)
        #expect(try await backend.write { try $0.sessions.end([end]) } == 0)
        try await backend.write { try $0.sessions.begin([session]) }
        #expect(try await backend.read { try $0.sessions.session(session.id) } == nil, "what is over stays over")
        let log = try await backend.read { try $0.sessions.connectionLog(of: nil, after: nil, limit: 10) }.rows
        #expect(log.map(\.reason) == ["client-exit"])
        #expect(log.first?.session.traffic == Traffic(bytesReceived: 400, bytesSent: 500))
        await backend.close()
    }

    @Test("an address of another node's live session is refused; one of the same node's is taken over")
    func addresses() async throws {
        let backend = try await TestStore().openWithCluster()
        let first = try session(20, node: 1, address: 9)
        let foreign = try session(21, node: 2, address: 9)
        let same = try session(22, node: 1, address: 9)
        try await backend.write { try $0.sessions.begin([first]) }
        #expect(
            await failureCode { try await backend.write { try $0.sessions.begin([foreign]) } }
                == .constraint("session.address"))
        try await backend.write { try $0.sessions.begin([same]) }
        #expect(try await backend.read { try $0.sessions.sessions(after: nil, limit: 10) }.rows == [same])
        let log = try await backend.read { try $0.sessions.connectionLog(of: nil, after: nil, limit: 10) }.rows
        #expect(log.map(\.reason) == ["superseded"])
        await backend.close()
    }

    @Test("sessions of an earlier epoch are ended when they were last heard of")
    func staleSessions() async throws {
        let backend = try await TestStore().openWithCluster()
        let old = try session(20, epoch: 1, address: 8)
        let live = try session(21, epoch: 2, address: 9)
        let elsewhere = try session(22, node: 2, epoch: 1, address: 10)
        let node: NodeID = sample(1)
        try await backend.write { try $0.sessions.begin([old, live, elsewhere]) }
        let count = try await backend.write {
            try $0.sessions.endSessions(of: node, beforeEpoch: 2, reason: "node-restart", limit: 100)
        }
        #expect(count == 1)
        let rows = try await backend.read { try $0.sessions.sessions(after: nil, limit: 10) }.rows
        #expect(Set(rows.map(\.id)) == [live.id, elsewhere.id])
        let log = try await backend.read { try $0.sessions.connectionLog(of: nil, after: nil, limit: 10) }.rows
        #expect(log.map(\.endedAt) == [old.updatedAt])
        await backend.close()
    }

    @Test("the connection log is paged latest first, by user too, and pruned by age")
    func log() async throws {
        let backend = try await TestStore().openWithCluster()
        let node: NodeID = sample(1)
        var sessions: [Session] = []
        for number in 0..<30 {
            var session = try session(UInt64(100 + number), address: UInt8(number + 2))
            if number.isMultiple(of: 3) { session.user = sample(50) }
            sessions.append(session)
        }
        let all = sessions
        try await backend.write { writer in
            try writer.sessions.begin(all)
            // Several end at the same time: the id decides there.
            try writer.sessions.end(
                all.enumerated().map { index, session in
                    SessionEnd(
                        id: session.id, at: Timestamp(seconds: Int64(1_800_000_100 + index / 4)), reason: "x",
                        traffic: nil)
                })
        }
        var seen: [ConnectionLogEntry] = []
        var position: ConnectionLogPosition?
        repeat {
            let after = position
            let page = try await backend.read { try $0.sessions.connectionLog(of: nil, after: after, limit: 7) }
            seen += page.rows
            position = page.next
        } while position != nil
        #expect(Set(seen.map(\.session.id)).count == 30)
        #expect(seen.count == 30)
        #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.endedAt >= $1.endedAt })
        let user: UserID = sample(50)
        let own = try await backend.read { try $0.sessions.connectionLog(of: user, after: nil, limit: 100) }.rows
        #expect(own.count == 10)
        let pruned = try await backend.write {
            try $0.sessions.pruneConnectionLog(endedBefore: Timestamp(seconds: 1_800_000_102), limit: 1000)
        }
        #expect(pruned == 8)
        let memory = try await backend.read { try $0.sessions.addressMemory(of: node, limit: 100) }.value
        #expect(memory.count == 2, "one for each user and certificate: the last address")
        await backend.close()
    }

    @Test("no two nodes have overlapping subnets or one name; a removed node gives both back")
    func nodes() async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        let now = store.environment.now
        func node(_ number: UInt64, _ name: String, _ subnets: [String]) -> Node {
            Node(
                id: sample(number), name: name, hostname: "h", softwareVersion: "1",
                subnets: subnets.compactMap { IPPrefix($0) }, createdAt: now, startedAt: now, lastSeenAt: now)
        }
        let first = node(1, "n1", ["10.56.0.0/22", "fd00::/64"])
        try await backend.write { try $0.nodes.add(first) }
        #expect(try await backend.read { try $0.nodes.node(first.id) } == first)
        let refused: [(Node, String)] = [
            (node(2, "n1", []), "node.name"), (node(1, "n2", []), "node.id"),
            (node(2, "n2", ["10.56.0.0/22"]), "node.subnet"), (node(2, "n2", ["10.56.2.0/24"]), "node.subnet"),
            (node(2, "n2", ["10.56.0.0/16"]), "node.subnet"),
            (node(2, "n2", ["10.57.0.0/22", "10.57.1.0/24"]), "node.subnet"),
        ]
        for (node, rule) in refused {
            #expect(await failureCode { try await backend.write { try $0.nodes.add(node) } } == .constraint(rule))
        }
        try await backend.write { try $0.nodes.setState(.removed, of: first.id) }
        let heir = node(2, "n1", ["10.56.0.0/22"])
        try await backend.write { try $0.nodes.add(heir) }
        #expect(try await backend.read { try $0.nodes.node(named: "n1")?.id } == heir.id)
        let again = await failureCode {
            try await backend.write { try $0.nodes.setState(.active, of: first.id) }
        }
        #expect(again == .fenced)
        await backend.close()
    }

    @Test("a process that does not know of a node's new epoch is refused")
    func fencing() async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        let now = store.environment.now
        let node = Node(
            id: sample(1), name: "n1", hostname: "h", softwareVersion: "1", createdAt: now, startedAt: now,
            lastSeenAt: now)
        try await backend.write { try $0.nodes.add(node) }
        func begin(after epoch: Int64) async throws -> Node {
            try await backend.write {
                try $0.nodes.beginEpoch(of: node.id, after: epoch, hostname: "h2", softwareVersion: "2")
            }
        }
        let first = try await begin(after: 0)
        #expect(first.epoch == 1 && first.hostname == "h2")
        #expect(await failureCode { try await begin(after: 0) } == .fenced)
        let renewed = try await backend.write { try $0.nodes.renew(first.lease) }
        #expect(renewed.generation == 1)
        #expect(await failureCode { try await backend.write { try $0.nodes.renew(first.lease) } } == .fenced)
        let second = try await begin(after: 1)
        #expect(await failureCode { try await backend.write { try $0.nodes.renew(renewed) } } == .fenced)
        _ = try await backend.write { try $0.nodes.renew(second.lease) }
        try await backend.write { try $0.nodes.setState(.removed, of: node.id) }
        #expect(await failureCode { try await begin(after: 2) } == .fenced)
        let stranger = NodeLease(node: sample(9), epoch: 0, generation: 0)
        #expect(await failureCode { try await backend.write { try $0.nodes.renew(stranger) } } == .notFound)
        await backend.close()
    }

    @Test("failed logins carry a version, so that failures on two nodes add up")
    func loginFailures() async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        let now = store.environment.now
        let fresh = LoginFailures(user: sample(5), count: 1, firstAt: now, lastAt: now)
        let stored = try await backend.write { try $0.accounts.record(fresh) }
        #expect(await failureCode { try await backend.write { try $0.accounts.record(fresh) } } == .outdated)
        var more = stored
        more.count = 2
        more.lockedUntil = now + .seconds(900)
        let update = more
        #expect(try await backend.write { try $0.accounts.record(update) }.version == 2)
        #expect(await failureCode { try await backend.write { try $0.accounts.record(update) } } == .outdated)
        let page = try await backend.read { try $0.accounts.loginFailures(after: nil, limit: 10) }
        #expect(page.rows.map(\.lockedUntil) == [now + .seconds(900)])
        #expect(try await backend.write { try $0.accounts.clearLoginFailures(of: update.user) })
        #expect(try await backend.write { try $0.accounts.clearLoginFailures(of: update.user) } == false)
        await backend.close()
    }
}
