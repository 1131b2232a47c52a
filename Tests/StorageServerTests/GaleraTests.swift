import ClusterCore
import DatabaseServers
import Foundation
import SQLDriverTestKit
import StorageMySQL
import StorageSQL
import Synchronization
import Testing

@Suite("Galera: three servers that are all written to", .serialized)
struct GaleraTests {
    /// What tasks share.
    private final class Tally: Sendable {
        let starts = Atomic(0)
        let isDone = Atomic(false)
    }

    private static let cluster = Result { try GaleraCluster() }
    private static let count = Atomic(0)

    private struct Store: Sendable {
        let cluster: GaleraCluster
        let name: String

        /// Makes an empty database, which all three servers have afterwards.
        static func make() async throws -> Store {
            try await onBlockingThread("galera") {
                let cluster = try GaleraTests.cluster.get()
                let name = "kit_spread\(GaleraTests.count.add(1, ordering: .relaxed).newValue)"
                try cluster.servers[0].createDatabase(name)
                return Store(cluster: cluster, name: name)
            }
        }

        /// The URL for one server, or for all: in the order of a round that begins with one.
        func url(first server: Int, alone: Bool = true) -> String {
            let ports = (0..<3).map { cluster.servers[($0 + server) % 3].port }
            return GaleraCluster.url(database: name, ports: alone ? [ports[0]] : ports, isRandom: false)
        }

        func connect(_ server: Int) throws -> any SQLConnection { try Servers.connect(.mariadb, url(first: server)) }

        func open(_ url: String, migrator: Migrator = Migrator()) async throws -> SQLBackend {
            let retry = RetryPolicy(tries: 60, time: .seconds(60), retriesReadOnly: true)
            var options = MySQLOptions(authenticator: TestKey.authenticator, retry: retry)
            options.migrator = migrator
            let address = try #require(try MySQLAddress(url: url))
            return try await MySQLBackend.open(address, mode: .create, options: options)
        }

        /// A backend for each server, and a cluster in the store.
        func openEach() async throws -> [SQLBackend] {
            var backends: [SQLBackend] = []
            for server in 0..<3 { backends.append(try await open(url(first: server))) }
            let cluster = ClusterInfo(
                id: TestKey.clusterID, lineage: sample(2), createdAt: Timestamp(seconds: 1_800_000_000))
            try await backends[0].write { writer in try writer.change(by: .test) { try $0.createCluster(cluster) } }
            return backends
        }

        /// The store as the driver conformance cases want it, each connection on the next server.
        func underTest() -> DriverUnderTest {
            let tally = Tally()
            return DriverUnderTest(
                open: { try connect(tally.starts.add(1, ordering: .relaxed).newValue % 3) },
                sever: { victim in
                    let row = try victim.rows("SELECT CONNECTION_ID(), CAST(@@port AS SIGNED)").first ?? []
                    guard case .integer(let id)? = row.first, case .integer(let port)? = row.last else { return }
                    for server in cluster.servers where Int64(server.port) == port {
                        try server.run(sql: "KILL CONNECTION \(id)")
                    }
                    Thread.sleep(forTimeInterval: 0.3)
                },
                openThrough: { proxy in
                    try Servers.connect(.mariadb, GaleraCluster.url(database: name, ports: [proxy.port]))
                }, port: cluster.servers[0].port)
        }
    }

    /// Servers that compare written rows alone let two transactions write what the other one has read, and let none wait
    /// for the locks of another server.
    private static let spread = DriverConformance.cases(having: [.server, .proxy]).filter {
        !$0.description.contains("rely on what the other writes") && !$0.description.contains("waits can be stopped")
    }

    @Test("the driver does what every driver does, each connection on another server", arguments: spread)
    func conformance(_ testCase: DriverCase) async throws {
        let store = try await Store.make()
        try await onBlockingThread("case") { try testCase.run(on: store.underTest()) }
    }

    @Test("what one server committed is read on the others at once")
    func causality() async throws {
        let backends = try await Store.make().openEach()
        for number: UInt64 in 1...30 {
            let user = sampleUser(number, name: "user\(number)")
            try await backends[Int(number % 3)].write { writer in
                try writer.change(by: .test) { _ = try $0.add(user) }
            }
            for backend in backends {
                #expect(try await backend.read { try $0.accounts.userCount() } == Int(number))
            }
        }
        for backend in backends { await backend.close() }
    }

    @Test("a clash that shows at the commit runs the whole transaction again")
    func certification() async throws {
        let plain = try await Store.make()
        let codes = try await onBlockingThread("clash") {
            try plain.cluster.servers[0].run(
                sql: "CREATE TABLE clash (id INT PRIMARY KEY, value INT); INSERT INTO clash VALUES (1, 0)",
                in: plain.name)
            let connections = try (0..<2).map { try plain.connect($0) }
            defer { for connection in connections { connection.close() } }
            for (index, connection) in connections.enumerated() {
                try connection.begin(.write)
                try connection.execute("UPDATE clash SET value = ? WHERE id = 1", [.integer(Int64(index + 1))])
            }
            return connections.map { connection in
                do {
                    try connection.commit()
                    return StorageError.Code?.none
                } catch {
                    connection.rollback()
                    return (error as? StorageError)?.code
                }
            }
        }
        #expect(codes == [nil, .conflict])
        let backends = try await Store.make().openEach()
        let tally = Tally()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number: UInt64 in 1...30 {
                group.addTask {
                    let user = sampleUser(number, name: "user\(number)")
                    try await backends[Int(number % 3)].write { writer in
                        tally.starts.add(1, ordering: .relaxed)
                        try writer.change(by: .test) { _ = try $0.add(user) }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await backends[0].read { try $0.accounts.userCount() } == 30)
        #expect(try await backends[1].read { try $0.config.revision().number } == 31)
        #expect(tally.starts.load(ordering: .relaxed) > 30, "nothing clashed, so nothing was shown")
        for backend in backends { await backend.close() }
    }

    @Test("clients go on while one of three servers is killed and comes back, and nothing is lost")
    func killed() async throws {
        let store = try await Store.make()
        for backend in try await store.openEach() { await backend.close() }
        let ports = store.cluster.servers.map(\.port)
        let backend = try await store.open(GaleraCluster.url(database: store.name, ports: ports))
        let tally = Tally()
        let server = store.cluster.servers[2]
        async let chaos: Void = onBlockingThread("kill") {
            defer { tally.isDone.store(true, ordering: .relaxed) }
            Thread.sleep(forTimeInterval: 1)
            server.process.kill()
            Thread.sleep(forTimeInterval: 2)
            try server.start()
        }
        let acknowledged = try await withThrowingTaskGroup(of: [String].self) { group in
            for worker: UInt64 in 0..<6 {
                group.addTask {
                    var names: [String] = []
                    while !tally.isDone.load(ordering: .relaxed) {
                        let user = sampleUser(worker * 10_000 + UInt64(names.count), name: "w\(worker)-\(names.count)")
                        try await backend.write { writer in try writer.change(by: .test) { _ = try $0.add(user) } }
                        names.append(user.name)
                    }
                    return names
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        try await chaos
        #expect(acknowledged.count > 30)
        for index in 0..<3 {
            let rows = try await onBlockingThread("count") {
                let connection = try store.connect(index)
                defer { connection.close() }
                return try connection.rows("SELECT name FROM users")
            }
            #expect(Set(rows.compactMap { $0.first }) == Set(acknowledged.map { .text($0) }), "server \(index)")
        }
        await backend.close()
    }

    @Test("a server that left its cluster is left by its clients, and taken again when it is back")
    func notReady() async throws {
        let store = try await Store.make()
        for backend in try await store.openEach() { await backend.close() }
        let first = store.cluster.servers[0]
        let backend = try await store.open(store.url(first: 0, alone: false))
        let port = try await backend.withConnection(.write) { try $0.rows("SELECT CAST(@@port AS SIGNED)") }
        #expect(port == [[.integer(Int64(first.port))]])
        try await onBlockingThread("reject") { _ = try first.run(sql: "SET GLOBAL wsrep_reject_queries = ALL") }
        let user = sampleUser(1, name: "alice")
        let outcome = await failure {
            try await backend.write { writer in try writer.change(by: .test) { _ = try $0.add(user) } }
        }
        let count = try? await backend.read { try $0.accounts.userCount() }
        let alone = await failure { try await store.open(store.url(first: 0)) }
        try await onBlockingThread("reject") { _ = try first.run(sql: "SET GLOBAL wsrep_reject_queries = NONE") }
        #expect(outcome == nil && count == 1)
        #expect(alone?.code == .unavailable, "\(alone.map { "\($0)" } ?? "it opened")")
        await (try store.open(store.url(first: 0))).close()
        await backend.close()
    }

    @Test("processes that migrate through different servers at once run each step once")
    func migrations() async throws {
        let store = try await Store.make()
        let ran = Mutex<[Int]>([])
        let migrator = Migrator(afterStep: { step in ran.withLock { $0.append(step.number) } })
        try await withThrowingTaskGroup(of: Void.self) { group in
            for server in 0..<6 {
                group.addTask {
                    await (try store.open(store.url(first: server % 3), migrator: migrator)).close()
                }
            }
            try await group.waitForAll()
        }
        #expect(ran.withLock { $0 } == Array(1...Schema.steps.count))
    }
}
