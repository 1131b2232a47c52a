import Foundation
import Glibc
import Testing

extension InteropTests {
    @Suite("Sessions")
    struct Sessions {
        @Test("a live session is listed, and gone when the client says goodbye")
        func listed() throws {
            try Site.with { site in
                let client = try site.connectedClient()
                #expect(try site.waitForSessions(1))
                let list = try site.node.command("session", "list")
                #expect(list.contains(Site.user), "\(list)")
                #expect(client.stop(SIGTERM) == .code(0))
                #expect(try site.waitForSessions(0), "the goodbye was not heard")
            }
        }

        @Test("a session that the operator ends is told so, cannot come back by its token, and can by its password")
        func endedByOperator() throws {
            try Site.with { site in
                let client = try site.connectedClient(options: ["--auth-nocache"])
                #expect(try site.waitForSessions(1))
                client.forgetPassword()
                let place = client.log.end
                try site.node.command("session", "end", try site.sessionIDs()[0])
                try client.log.wait(for: ["AUTH_FAILED"], from: place, within: 1)
                #expect(client.process.waitForExit(within: 15) == .code(1), "without its password it has to give up")
                #expect(client.log.count(of: OpenVPNClient.connected) == 1)
                try site.connectedClient().stop()
            }
        }

        @Test("a client whose address changes keeps its tunnel")
        func float() throws {
            try Site.with { site in
                let client = try site.connectedClient()
                #expect(try site.reachesHost(client))
                let namespace = client.namespace
                try Command.check(
                    site.topology.inside(namespace, ["sysctl", "-qw", "net.ipv4.conf.all.promote_secondaries=1"]))
                try Command.check(["ip", "-n", namespace, "addr", "add", "198.51.100.211/24", "dev", "out"])
                let ping = try Ping(Topology.Address.host4, from: namespace, in: site.topology, count: 400)
                usleep(1_000_000)
                try Command.check(
                    ["ip", "-n", namespace, "addr", "del", "\(Topology.Address.client4(1))/24", "dev", "out"])
                let count = try ping.finish(within: 30)
                #expect(count.lost < 40, "\(count)")
                #expect(client.log.count(of: OpenVPNClient.connected) == 1, "it had to reconnect")
                #expect(try site.reachesHost(client))
            }
        }

        @Test(
            "a node that listens on two ports writes both into the profile, and serves both", arguments: [1194, 1195])
        func twoPorts(port: Int) throws {
            try Topology.with { topology in
                let node = try AsnodeProcess(in: topology, listen: ["udp:1194", "udp:1195"])
                defer { node.crash() }
                try node.addUser(Site.user, password: Site.password)
                let profile = try node.issueProfile(Site.user)
                let remotes = try String(contentsOfFile: profile, encoding: .utf8).split(separator: "\n")
                    .filter { $0.hasPrefix("remote ") }
                #expect(remotes.count == 2, "\(remotes)")
                try node.start()
                let blocked = port == 1194 ? 1195 : 1194
                try Command.check(
                    topology.inside(topology.node, ["nft", "-f", "-"]),
                    input: "table inet block { chain input { type filter hook input priority 0; "
                        + "udp dport \(blocked) drop; }; }\n")
                let client = try OpenVPNClient(
                    profile: profile, user: Site.user, password: Site.password, in: topology.clients[0], of: topology)
                try client.waitUntilConnected(within: 40)
                #expect(client.log.text.contains(":\(port)"))
            }
        }
    }
}

extension Site {
    /// Ids of the live sessions.
    func sessionIDs() throws -> [String] {
        let list = try node.attempt(["--json", "session", "list"]).output
        return list.matches(of: /"id"\s*:\s*"([0-9a-f]{32})"/).map { String($0.1) }
    }

    /// True when the node lists `count` live sessions within five seconds.
    func waitForSessions(_ count: Int) throws -> Bool {
        try poll(within: 5, every: 0.1) { try sessionIDs().count == count ? true : nil } ?? false
    }
}
