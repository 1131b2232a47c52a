import Testing

extension InteropTests {
    @Suite("Renegotiation")
    struct Renegotiation {
        @Test("two renegotiations that the client starts lose no packet")
        func byClient() throws {
            try Site.with(settings: ["data.renegotiation-interval": "0"]) { site in
                try expectNoLoss(site, options: ["--reneg-sec", "6"])
            }
        }

        @Test("two renegotiations that the node starts lose no packet")
        func byNode() throws {
            try Site.with(settings: ["data.renegotiation-interval": "6s"]) { site in
                try expectNoLoss(site, options: ["--reneg-sec", "0"])
            }
        }

        @Test("renegotiations that both sides start at the same time lose no packet")
        func byBoth() throws {
            try Site.with(settings: ["data.renegotiation-interval": "6s"]) { site in
                try expectNoLoss(site, options: ["--reneg-sec", "6"])
            }
        }

        /// Pings 100 times a second until two renegotiations and one key switch after the last are surely over.
        private func expectNoLoss(_ site: Site, options: [String]) throws {
            let client = try site.connectedClient(options: options)
            #expect(try site.reachesHost(client))
            let before = client.handshakes
            let ping = try Ping(Topology.Address.host4, from: client.namespace, in: site.topology, count: 2200)
            let ping6 = try Ping(Topology.Address.host6, from: client.namespace, in: site.topology, count: 2200)
            let counts = [try ping.finish(within: 60), try ping6.finish(within: 60)]
            #expect(client.handshakes - before >= 2, "renegotiations: \(client.handshakes - before)")
            for count in counts { #expect(count.lost == 0 && count.sent == 2200, "\(count)") }
            #expect(client.log.count(of: OpenVPNClient.connected) == 1, "it had to reconnect")
        }
    }
}
