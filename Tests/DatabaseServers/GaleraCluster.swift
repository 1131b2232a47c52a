import Foundation

/// Three MariaDB servers of which each takes writes.
package final class GaleraCluster: Sendable {
    static let library = "/usr/lib/galera/libgalera_smm.so"

    /// The servers. One that was killed comes back with its ``MariaDBServer/start()`` while another one lives.
    package let servers: [MariaDBServer]
    /// The ports that the members talk to each other on, as many for each server.
    package let memberPorts: [[UInt16]]

    /// Starts the servers one after the other, as each needs one to join; takes some 15 seconds.
    ///
    /// - Parameters:
    ///   - settings: Settings of the Galera library, `name=value`.
    ///   - options: More options of `mariadbd`.
    package init(settings: [String] = [], options: [String] = []) throws {
        try Programs.require([Self.library], from: "galera-4")
        for package in ["rsync", "lsof", "socat"] { try Programs.require([package], from: package) }
        let bases = try (0..<3).map { _ in try LocalPort.freeRange(of: 3) }
        memberPorts = bases.map { Array($0..<($0 + 3)) }
        servers = try bases.enumerated().map { index, base in
            let membership = MariaDBServer.Membership(
                name: "n\(index + 1)", basePort: base, members: bases, settings: settings)
            // What a killed process has written stays with the system, so each second is often enough for the disk.
            return try MariaDBServer(
                certificate: "server", options: ["--innodb-flush-log-at-trx-commit=2"] + options, membership: membership
            )
        }
        for (index, server) in servers.enumerated() {
            try server.start(asFirst: index == 0)
            if index == 0 { try server.addTestAccount() }
        }
    }

    /// The URL of a database on all three servers, for ``TestAccount``, without TLS.
    ///
    /// - Parameter isRandom: Whether clients spread over the servers; otherwise they take the first that answers.
    package func url(database: String, isRandom: Bool = true) -> String {
        Self.url(database: database, ports: servers.map(\.port), isRandom: isRandom)
    }

    /// The same for servers, or proxies, on certain ports.
    package static func url(database: String, ports: [UInt16], isRandom: Bool = true) -> String {
        let hosts = ports.map { "127.0.0.1:\($0)" }.joined(separator: ",")
        return "mysql://\(TestAccount.user):\(TestAccount.encodedPassword)@\(hosts)/\(database)"
            + "?ssl-mode=disabled&connect-timeout=5&hosts=\(isRandom ? "random" : "ordered")"
    }
}
