import Foundation
import Glibc
import Testing

extension InteropTests {
    @Suite("Start, crash, stop")
    struct Lifecycle {
        @Test(
            "after kill -9 and a new start the client is back by its token, without its password, the database intact")
        func crashAndRestart() throws {
            try Site.with { site in
                let client = try site.connectedClient(options: ["--auth-nocache"])
                #expect(try site.reachesHost(client))
                let addresses = try client.tunnelAddresses()
                client.forgetPassword()
                site.node.crash()
                let place = client.log.end
                let from = monotonicSeconds()
                try site.node.start()
                try client.waitUntilConnected(from: place, within: 40)
                print("back \(monotonicSeconds() - from) s after the new start")
                #expect(try site.reachesHost(client))
                #expect(try client.tunnelAddresses() == addresses, "it has the addresses it had")
                #expect(client.process.isRunning)
                try site.node.command("doctor")
                #expect(try site.integrity() == "ok")
            }
        }

        @Test("with hold-tun a client that sends everything through the tunnel comes back through it after a crash")
        func crashWithHeldTunnel() throws {
            try Site.with(settings: ["hold-tun": "true"]) { site in
                let client = try site.connectedClient()
                #expect(try site.reachesHost(client))
                site.node.crash()
                let place = client.log.end
                try site.node.start()
                try client.waitUntilConnected(from: place, within: 40)
                #expect(try site.reachesHost(client))
                #expect(client.log.text.contains("Preserving previous TUN/TAP instance"))
            }
        }

        @Test(
            "on SIGTERM the clients are told, and device, routes and firewall table are gone",
            arguments: [SIGTERM, SIGINT])
        func shutdown(signal: Int32) throws {
            try Site.with { site in
                let topology = site.topology
                let client = try site.connectedClient()
                #expect(try site.reachesHost(client))
                #expect(try site.firewallTables().contains("asnode"))
                #expect(site.node.stop(signal) == .code(0))
                try client.log.wait(for: ["pushed by server"], within: 3)
                #expect(try !site.firewallTables().contains("asnode"))
                let links = try Command.check(["ip", "-n", topology.node, "-o", "link"])
                #expect(!links.contains("tun"), "\(links)")
                let routes = try Command.check(["ip", "-n", topology.node, "route"])
                #expect(!routes.contains("10.56."), "\(routes)")
            }
        }

        @Test("a node whose port is taken says so in one line and ends, and the other one goes on")
        func portInUse() throws {
            try Site.with { site in
                let second = try AsnodeProcess(
                    in: site.topology, data: "second",
                    options: ["--client-network", "10.200.0.0/16", "--client-network", "fd20:1::/48"])
                let run = try second.attempt(["run"])
                #expect(run.status == .code(69), "\(run.status)")
                let errors = run.output.split(separator: "\n").filter { $0.hasPrefix("asnode: ") }
                #expect(errors.count == 1 && errors[0].contains("1194"), "\(run.output)")
                try site.connectedClient().stop()
            }
        }

        @Test("a change is live on the running node within a second: a user, a password, a setting")
        func changesApply() throws {
            try Site.with { site in
                let password = "the second password"
                try site.node.addUser("user2", password: "the first password")
                let profile = try site.node.issueProfile("user2")
                try site.node.command("user", "passwd", "user2", "--password-stdin", input: password + "\n")
                try site.node.command("config", "set", "push.dns-servers", "10.99.0.53")
                usleep(1_000_000)
                let client = try site.client(user: "user2", password: password, profile: profile)
                try client.waitUntilConnected()
                #expect(client.log.text.contains("dhcp-option DNS 10.99.0.53"))
            }
        }
    }
}

extension Site {
    /// Names of the nftables tables in the node's namespace.
    func firewallTables() throws -> String {
        try Command.check(topology.inside(topology.node, ["nft", "list", "tables"]))
    }

    /// What SQLite says of the node's database.
    func integrity() throws -> String {
        let database = try FileManager.default.contentsOfDirectory(atPath: node.data)
            .first { $0.hasSuffix(".db") || $0.hasSuffix(".sqlite") || $0.hasSuffix(".sqlite3") }
        guard let database else { throw HarnessError("no database in \(node.data)") }
        return try Command.check(["sqlite3", "-readonly", node.data + "/" + database, "PRAGMA integrity_check"])
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
