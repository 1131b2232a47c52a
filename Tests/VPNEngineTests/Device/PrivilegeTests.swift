import Glibc
import Testing
import VPNEngine
import VPNFormats

@Suite("Without privileges")
struct PrivilegeTests {
    @Test("the tunnel interface, addresses, the packet filter and low ports say which capability they need")
    func advice() async {
        await #expect(processExitsWith: .success) {
            // To nobody, for good: a process of its own does that.
            try #require(setgid(65_534) == 0 && setuid(65_534) == 0)
            let tun = #expect(throws: NetworkError.self) { _ = try TunDevice(name: "asn0") }
            #expect(tun?.code == .permission)
            #expect(tun?.message.contains("CAP_NET_ADMIN") == true)
            let address = #expect(throws: NetworkError.self) {
                let ip = try #require(IPAddress("10.0.0.1"))
                try Netlink().addAddress(InterfaceAddress(ip, prefixLength: 24), to: 1)
            }
            #expect(address?.code == .permission)
            #expect(address?.message.contains("CAP_NET_ADMIN") == true)
            let filter = #expect(throws: NetworkError.self) {
                _ = try NATEgress(EgressRules(device: "asn0", masquerade: [], dropsClientToClient: true))
            }
            #expect(filter?.code == .permission)
            #expect(filter?.message.contains("CAP_NET_ADMIN") == true)
            let port = #expect(throws: NetworkError.self) {
                _ = try UDPSocket(listening: SocketAddress(ip: .v4(.loopback), port: 80))
            }
            #expect(port?.code == .permission)
            #expect(port?.message.contains("CAP_NET_BIND_SERVICE") == true)
            // Listing needs nothing.
            #expect(throws: Never.self) { _ = try Netlink().addresses() }
        }
    }

    @Test("core dumps are off once they were turned off")
    func coreDumps() async {
        await #expect(processExitsWith: .success) {
            let done = disableCoreDumps()
            #expect(done)
            let limits = try TestProgram.run("grep 'Max core file size' /proc/$PPID/limits")
            #expect(limits.split(separator: " ").dropFirst(4).prefix(2) == ["0", "0"])
        }
    }
}
