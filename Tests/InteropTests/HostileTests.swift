import Foundation
import Testing

extension InteropTests {
    @Suite("Hostile packets")
    struct Hostile {
        @Test("thousands of garbage datagrams cost a live session no packet and keep no new client out")
        func garbage() throws {
            try Site.with(clients: 2) { site in
                let client = try site.connectedClient(1)
                #expect(try site.reachesHost(client))
                let ping = try Ping(Topology.Address.host4, from: client.namespace, in: site.topology, count: 600)
                let sent = try Command.check(
                    site.topology.inside(site.topology.clients[1], ["bash", "-c", Self.flood]), within: 60)
                print("datagrams sent: \(sent.trimmingCharacters(in: .whitespacesAndNewlines))")
                let count = try ping.finish(within: 30)
                #expect(count.lost == 0, "\(count)")
                try site.connectedClient(2).stop()
                #expect(site.node.process?.isRunning == true)
            }
        }

        /// Datagrams of all sizes: noise, noise behind each opcode, cut and repeated beginnings of handshakes.
        private static let flood = """
            exec 3<>/dev/udp/\(Topology.Address.node4)/1194
            sent=0
            for round in 1 2 3; do
                for first in '\\x38' '\\x50' '\\x20' '\\x28' '\\x48' '\\x30' '\\x58' '\\x40' '\\x18' '\\x00' '\\xff'; do
                    for size in 0 1 7 13 21 49 53 65 100 299 352 353 700 1400; do
                        { printf "$first"; head -c $size /dev/urandom; } > "/tmp/flood.$$"
                        for repeat in 1 2 3; do
                            cat "/tmp/flood.$$" >&3
                            sent=$((sent + 1))
                        done
                    done
                done
            done
            rm -f "/tmp/flood.$$"
            echo $sent
            """
    }
}
