import Foundation
import Testing

extension InteropTests {
    @Suite("Connecting")
    struct Connecting {
        @Test("a client connects with user and password and reaches the host inside over IPv4 and IPv6")
        func connects() throws {
            try Site.with { site in
                let client = try site.connectedClient()
                #expect(try site.reachesHost(client))
                #expect(try client.tunnelAddresses().count == 2, "one IPv4 and one IPv6 address")
                #expect(client.stop() == .code(0))
            }
        }

        @Test("TCP runs through the tunnel", arguments: Iperf.Direction.allCases)
        func throughput(direction: Iperf.Direction) throws {
            try Site.with { site in
                let client = try site.connectedClient()
                let iperf = try Iperf(in: site.topology)
                defer { iperf.stop() }
                let result = try iperf.measure(
                    direction, to: Topology.Address.host4, from: client.namespace, in: site.topology, seconds: 4)
                print("iperf3 \(direction): \(Int(result.bitsPerSecond / 1e6)) Mbit/s")
                #expect(result.bytes > 4_000_000)
            }
        }

        @Test("the tunnel stands on IPv4 and on IPv6 outside, and carries both inside", arguments: Outside.allCases)
        func families(outside: Outside) throws {
            try Site.with { site in
                try site.topology.resolve(to: [outside.address], in: site.topology.clients[0])
                let client = try site.connectedClient()
                #expect(client.log.text.contains("[AF_INET\(outside == .ipv6 ? "6" : "")]\(outside.address):1194"))
                for inside in [Topology.Address.host4, Topology.Address.host6] {
                    let count = try Ping(inside, from: client.namespace, in: site.topology, count: 100).finish(
                        within: 20)
                    #expect(count.lost == 0, "\(inside) over \(outside): \(count)")
                    let large = try Ping(
                        inside, from: client.namespace, in: site.topology, count: 20, size: 1400
                    ).finish(within: 20)
                    #expect(large.lost == 0, "\(inside) over \(outside), 1,400 bytes: \(large)")
                }
            }
        }

        @Test(
            "each cipher is negotiated and carries packets",
            arguments: ["AES-256-GCM", "AES-128-GCM", "CHACHA20-POLY1305"])
        func cipher(name: String) throws {
            try Site.with { site in
                let client = try site.connectedClient(options: ["--data-ciphers", name])
                #expect(client.log.text.contains("Data Channel: Cipher '\(name)' initialized"))
                let count = try Ping(
                    Topology.Address.host4, from: client.namespace, in: site.topology, count: 200
                ).finish(within: 20)
                #expect(count.lost == 0, "\(count)")
            }
        }

        @Test("TLS 1.2 and TLS 1.3 both connect", arguments: ["1.2", "1.3"])
        func tlsVersion(version: String) throws {
            try Site.with { site in
                let bound = version == "1.2" ? "--tls-version-max" : "--tls-version-min"
                let client = try site.connectedClient(options: [bound, version])
                #expect(client.log.text.contains("Control Channel: TLSv\(version)"))
                #expect(try site.reachesHost(client))
            }
        }

        @Test("many clients that arrive at once all get in, each with addresses of its own")
        func manyClients() throws {
            try Site.with(clients: 3) { site in
                let count = 30
                let started = try (0..<count).map { index in
                    try OpenVPNClient(
                        profile: site.profile, user: Site.user, password: Site.password,
                        in: site.topology.clients[index % 3], of: site.topology, device: "tun-\(index)",
                        options: ["--route-nopull", "--verb", "3"])
                }
                let from = monotonicSeconds()
                for client in started { try client.waitUntilConnected(within: 60) }
                print("\(count) clients in within \(monotonicSeconds() - from) s")
                let addresses = try started.enumerated().flatMap { try $1.tunnelAddresses(device: "tun-\($0)") }
                #expect(Set(addresses).count == 2 * count)
            }
        }

        /// The address family between client and node.
        enum Outside: String, CaseIterable, CustomStringConvertible {
            case ipv4, ipv6
            var address: String { self == .ipv4 ? Topology.Address.node4 : Topology.Address.node6 }
            var description: String { rawValue }
        }
    }
}
