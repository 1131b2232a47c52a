import Foundation
import Testing

extension InteropTests {
    @Suite("Isolation")
    struct Isolation {
        @Test("clients do not reach each other")
        func clientsAreApart() throws {
            try Site.with(clients: 2) { site in
                let (first, second) = (try site.connectedClient(1), try site.connectedClient(2))
                #expect(try site.reachesHost(first) && site.reachesHost(second))
                for address in try second.tunnelAddresses() {
                    #expect(
                        try !Ping.reaches(address, from: first.namespace, in: site.topology, within: 2), "\(address)")
                }
            }
        }

        @Test("clients reach each other when the setting says so")
        func clientsTogether() throws {
            try Site.with(clients: 2, settings: ["client.to-client": "true"]) { site in
                let (first, second) = (try site.connectedClient(1), try site.connectedClient(2))
                for address in try second.tunnelAddresses() {
                    #expect(try Ping.reaches(address, from: first.namespace, in: site.topology), "\(address)")
                }
            }
        }

        @Test("an inner packet with a source that is not the client's own goes nowhere")
        func spoofedSource() throws {
            try Site.with { site in
                let client = try site.connectedClient()
                #expect(try site.reachesHost(client))
                let host = site.topology.host
                try Command.check(site.topology.inside(host, ["nft", "-f", "-"]), input: Self.counter)
                let own = try client.tunnelAddresses().filter { !$0.contains(":") }
                #expect(try Ping.reaches(Topology.Address.host4, from: client.namespace, in: site.topology))
                let before = try echoRequests(at: host, in: site.topology)
                #expect(before > 0, "the counter counts")
                for spoofed in ["10.56.3.77", "192.0.2.99", "10.99.0.77"] where !own.contains(spoofed) {
                    try Command.check(
                        ["ip", "-n", client.namespace, "addr", "add", spoofed + "/32", "dev", "tun-c"])
                    _ = try Command.run(
                        site.topology.inside(
                            client.namespace,
                            ["ping", "-n", "-c", "3", "-i", "0.1", "-W", "1", "-I", spoofed, Topology.Address.host4]))
                }
                #expect(try echoRequests(at: host, in: site.topology) == before)
            }
        }

        private static let counter = """
            table inet count {
                chain input {
                    type filter hook input priority 0;
                    icmp type echo-request counter
                }
            }

            """

        private func echoRequests(at namespace: String, in topology: Topology) throws -> Int {
            let text = try Command.check(topology.inside(namespace, ["nft", "list", "table", "inet", "count"]))
            return text.firstMatch(of: /counter packets (\d+)/).flatMap { Int($0.1) } ?? 0
        }
    }
}
