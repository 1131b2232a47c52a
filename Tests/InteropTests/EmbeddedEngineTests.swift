import Foundation
import Glibc
import Testing

extension InteropTests {
    @Suite("Embedded engine")
    struct EmbeddedEngine {
        /// Through a tiny program that embeds the engine, and writes its sessions out ten times a second.
        @Test("a second process goes on with the session of one that was killed: no reconnect, new keys at once")
        func secondProcess() throws {
            try Topology.with { topology in
                let probe = try EngineProbe(in: topology)
                let first = try probe.start()
                let client = try OpenVPNClient(
                    profile: try probe.writeProfile(), user: "alice", password: "secret", in: topology.clients[0],
                    of: topology)
                try client.waitUntilConnected()
                #expect(try Ping.reaches(EngineProbe.gateway4, from: client.namespace, in: topology))
                let handshakes = client.handshakes
                // Long enough for the record on disk to hold what was sent so far.
                usleep(500_000)
                first.stop(SIGKILL)

                let second = try probe.start("--resume")
                try second.log.wait(for: ["resumed s1 alice"], within: 10, whileRunning: second)
                #expect(try Ping.reaches(EngineProbe.gateway4, from: client.namespace, in: topology, within: 3))
                #expect(try Ping.reaches(EngineProbe.gateway6, from: client.namespace, in: topology, within: 3))
                let renewed = poll(within: 10) { client.handshakes > handshakes ? true : nil }
                #expect(renewed == true, "the second process did not renegotiate")
                let ping = try Ping(EngineProbe.gateway4, from: client.namespace, in: topology, count: 500)
                #expect(try ping.finish(within: 20).lost == 0)
                #expect(client.log.count(of: OpenVPNClient.connected) == 1, "it had to reconnect")
                #expect(!client.log.text.contains("process restarting"))
            }
        }

        @Test("a client with the wrapping key that all clients share connects and renegotiates")
        func sharedKey() throws {
            try Topology.with { topology in
                let probe = try EngineProbe(in: topology)
                let process = try probe.start()
                let client = try OpenVPNClient(
                    profile: try probe.writeProfile(sharedKey: true), user: "alice", password: "secret",
                    in: topology.clients[0], of: topology, options: ["--reneg-sec", "4"])
                try client.waitUntilConnected()
                let ping = try Ping(EngineProbe.gateway4, from: client.namespace, in: topology, count: 700)
                #expect(try ping.finish(within: 20).lost == 0)
                #expect(client.handshakes >= 2)
                #expect(process.isRunning)
            }
        }
    }
}
