import ClusterCore
import DatabaseServers
import Foundation
import SQLDriverTestKit
import StorageBackends
import StorageSQL
import StorageTestKit
import Synchronization

/// A server, or several that are one database, for the cases: each store is a database of its own.
struct ServerUnderTest: Sendable {
    /// The servers; all of them have every database.
    let servers: [any DatabaseServer]
    /// The capabilities of its stores.
    let capabilities: StorageCapabilities
    private let databases = Databases()

    private final class Databases: Sendable {
        private let state = Mutex<(free: [String], made: Int)>(([], 0))

        func withLock<T: Sendable>(_ body: (inout sending (free: [String], made: Int)) -> sending T) -> T {
            state.withLock(body)
        }
    }

    static let mariadb = Result { ServerUnderTest([try MariaDBServer()], [.serializable]) }
    static let postgres = Result { ServerUnderTest([try PostgresServer()], [.serializable]) }

    init(_ servers: [any DatabaseServer], _ capabilities: StorageCapabilities) {
        self.servers = servers
        self.capabilities = capabilities.union([.durable, .faults])
    }

    var backend: BackendUnderTest {
        BackendUnderTest(capabilities: capabilities) { _ in
            let name = try await onBlockingThread("database") { try emptyDatabase() }
            let opened = Mutex(0)
            return StoreUnderTest(
                openFaulty: {
                    let proxy = try FaultProxy(to: servers[0].port)
                    let url = try DatabaseURL(servers[0].url(database: name, port: proxy.port))
                    let backend = try await url.open(.create, options: Self.options)
                    return FaultyHandle(backend: backend) { fault in
                        proxy.arm(fault == .requestLost ? .dropRequest : .dropAnswer)
                    }
                },
                remove: { try? await onBlockingThread("database") { try giveBack(name) } },
                open: {
                    let number = opened.withLock { number in
                        number += 1
                        return number
                    }
                    return try await url(name, from: number).open(.create, options: Self.options)
                })
        }
    }

    /// The database's URL, with the server of a number first among them.
    private func url(_ database: String, from number: Int) throws -> DatabaseURL {
        var text = servers[0].url(database: database)
        if servers.count > 1 {
            let hosts = servers.indices.map { "127.0.0.1:\(servers[($0 + number) % servers.count].port)" }
            text = text.replacingOccurrences(of: "127.0.0.1:\(servers[0].port)", with: hosts.joined(separator: ","))
        }
        return try DatabaseURL(text)
    }

    /// Runs `body` with a server that lives.
    private func living(_ body: (any DatabaseServer) throws -> Void) throws {
        guard let server = servers.first(where: { $0.process.isRunning }) else { throw ServerFailure("no server runs") }
        try body(server)
    }

    /// A database without rows: one that was used before has its tables already.
    private func emptyDatabase() throws -> String {
        if let used = databases.withLock({ $0.free.popLast() }) { return used }
        let name = databases.withLock { databases in
            databases.made += 1
            return "kit_store_\(databases.made)"
        }
        try living { try $0.createDatabase(name) }
        return name
    }

    /// Empties a database for the next case; one that was left in another state than `ready` is of no use any more.
    private func giveBack(_ name: String) throws {
        try living { server in
            guard try server.run(sql: "SELECT phase FROM store_state", in: name).hasPrefix("ready") else {
                try server.run(sql: "DROP DATABASE \(name)")
                return
            }
            let listing = "SELECT table_name FROM information_schema.tables WHERE table_schema IN ('\(name)', 'public')"
            let kept: Set<Substring> = ["schema_steps", "asnode_store", "store_state", "counters"]
            let tables = try server.run(sql: listing, in: name).split(whereSeparator: \.isWhitespace)
            let deletions = tables.filter { !kept.contains($0) }.map { "DELETE FROM \($0);" }
            try server.run(sql: "BEGIN; " + deletions.joined() + " COMMIT;", in: name)
            databases.withLock { $0.free.append(name) }
        }
    }

    private static var options: DatabaseOptions {
        DatabaseOptions(
            authenticator: TestKey.authenticator, lockTimeout: .seconds(3),
            retry: RetryPolicy(tries: 100, time: .seconds(30)))
    }
}
