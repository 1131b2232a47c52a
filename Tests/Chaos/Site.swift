import ArgumentParser
import ClusterCore
import DatabaseServers
import Foundation
import StorageBackends
import StorageSQL

/// The store that is tried: a file, or servers with a network before each.
final class Site: Sendable {
    enum Kind: String, CaseIterable, ExpressibleByArgument, Sendable {
        case sqlite, mariadb, galera, postgres
    }

    private static let database = "kit_chaos"

    let kind: Kind
    /// For the file and the journals; removed in the end.
    let directory: ServerDirectory
    let servers: [any DatabaseServer]
    let links: [Link]

    /// Starts the servers; blocks.
    init(_ kind: Kind) throws {
        self.kind = kind
        directory = try ServerDirectory("chaos", owner: "root")
        switch kind {
        case .sqlite: servers = []
        case .mariadb: servers = [try MariaDBServer(options: ["--innodb-flush-log-at-trx-commit=1"])]
        case .postgres: servers = [try PostgresServer()]
        case .galera:
            // A server that is silent is given up sooner than by default, so that a minute holds several such events.
            let settings = [
                "evs.keepalive_period=PT0.5S", "evs.inactive_check_period=PT0.5S", "evs.suspect_timeout=PT2S",
                "evs.inactive_timeout=PT5S", "evs.install_timeout=PT5S", "gcache.size=64M",
            ]
            servers = try GaleraCluster(settings: settings).servers
        }
        try servers.first?.createDatabase(Self.database)
        links = try servers.map { try Link(to: $0.port) }
    }

    /// The URL that workers use.
    var url: String {
        switch kind {
        case .sqlite: DatabaseURL(file: "\(directory.path)/store.db").text
        case .galera: GaleraCluster.url(database: Self.database, ports: links.map(\.port))
        case .mariadb, .postgres: servers[0].url(database: Self.database, port: links[0].port)
        }
    }

    /// The URLs of each server by itself, for the referee.
    var directURLs: [String] {
        kind == .sqlite ? [url] : servers.map { $0.url(database: Self.database) }
    }

    /// Makes all servers run and answer again, whatever became of them; blocks.
    ///
    /// - Returns: Those that had ended by themselves.
    func heal() throws -> [Int] {
        for link in links { link.set(.open) }
        let ended = servers.indices.filter { !servers[$0].process.isRunning }
        for index in ended { try servers[index].start() }
        for server in servers {
            server.process.resume()
            if let member = server as? MariaDBServer { try member.waitUntil { try member.isReady() } }
        }
        return ended
    }

    /// Makes the cluster that the workers change.
    func found() async throws {
        let store = try await DatabaseURL(directURLs[0]).open(.create, options: .chaos(patience: .seconds(30)))
        let cluster = ClusterInfo(id: Names.cluster, lineage: Names.lineage, createdAt: .epoch)
        try await store.write { writer in
            try writer.change(by: AuditActor(kind: .system, name: History.founder)) { change in
                try change.createCluster(cluster)
                for (index, id) in Names.busyUsers.enumerated() { try change.add(Names.user(id, "busy-\(index)")) }
            }
            let now = try writer.now()
            for slot in 0..<Names.nodes {
                try writer.nodes.add(
                    Node(
                        id: Names.node(slot), name: "node-\(slot)", hostname: "chaos", softwareVersion: "0",
                        createdAt: now, startedAt: now, lastSeenAt: now))
            }
            let nodes = (0..<Names.nodes).map { Names.counter(of: Names.node($0)) }
            for id in Names.counters + nodes {
                try writer.accounts.record(LoginFailures(user: id, count: 0, firstAt: now, lastAt: now))
            }
            for id in Names.accounts {
                try writer.accounts.record(LoginFailures(user: id, count: Names.wealth, firstAt: now, lastAt: now))
            }
        }
        await store.close()
    }
}
