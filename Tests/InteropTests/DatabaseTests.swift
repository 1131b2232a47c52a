import DatabaseServers
import Foundation
import Glibc
import Testing

extension InteropTests {
    /// The node stands in a network namespace and reaches its server by a Unix socket.
    @Suite("Nodes on a server's database")
    struct Databases {
        @Test("a client of a node on MariaDB feels no loss of the database, and a change within a second")
        func mariaDB() throws {
            let server = try MariaDBServer()
            try server.createDatabase("vpn")
            let url = "mysql://\(TestAccount.user):\(TestAccount.encodedPassword)@localhost/vpn"
            try serve(from: server, "\(url)?socket=\(server.directory.path)/socket")
        }

        @Test("a client of a node on PostgreSQL feels no loss of the database, and a change within a second")
        func postgreSQL() throws {
            let server = try PostgresServer()
            try server.createDatabase("vpn")
            let place = server.directory.path.replacing("/", with: "%2F")
            let login = "\(TestAccount.user):\(TestAccount.encodedPassword)"
            try serve(from: server, "postgres://\(login)@\(place):\(server.port)/vpn")
        }

        private func serve(from server: any DatabaseServer, _ url: String) throws {
            defer { server.stop() }
            try Topology.with { topology in
                let node = try AsnodeProcess(in: topology, options: ["--database", url])
                defer { node.crash() }
                try node.addUser(Site.user, password: Site.password)
                let site = Site(topology: topology, node: node, profile: try node.issueProfile(Site.user))
                try node.start()
                let client = try site.connectedClient()
                #expect(try site.reachesHost(client))
                #expect(try site.waitForSessions(1))

                let ping = try Ping(Topology.Address.host4, from: client.namespace, in: topology, count: 300)
                server.process.kill()
                let count = try ping.finish(within: 30)
                #expect(count.lost == 0, "\(count)")
                #expect(node.process?.isRunning == true, "\(node.log.tail(20))")
                try server.start()

                let change = try Self.change(site)
                try client.log.wait(for: ["AUTH_FAILED"], within: 5)
                let seconds = monotonicSeconds() - change
                print("the client was told \(seconds) s after the change was committed")
                #expect(seconds <= 1.0)
                #expect(!node.log.text.contains(TestAccount.encodedPassword), "the log has the password")
                #expect(node.stop() == .code(0))
            }
        }

        /// Disables the user by a process of its own, once the running node sees changes again.
        ///
        /// - Returns: When the change was committed.
        private static func change(_ site: Site) throws -> Double {
            let seen = site.node.log.count(of: applied)
            try site.node.command("config", "set", "push.dns-servers", "10.99.0.53")
            let isBack = poll(within: 20, every: 0.1) { site.node.log.count(of: applied) > seen ? true : nil }
            guard isBack == true else { throw HarnessError("the node sees no change:\n\(site.node.log.tail(20))") }
            try site.node.command("user", "set", Site.user, "--disable-login")
            return monotonicSeconds()
        }

        private static let applied = "configuration applied"
    }
}
