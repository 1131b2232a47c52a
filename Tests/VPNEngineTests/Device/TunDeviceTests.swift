import Testing
import VPNEngine
import VPNFormats

@Suite("Tunnel interface and routing", .serialized)
struct TunDeviceTests {
    private static func ip(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }
    private static func prefix(_ text: String) throws -> IPPrefix { try #require(IPPrefix(text)) }

    @Test("an interface comes up with its MTU, addresses and routes, and goes with its owner")
    func lifeCycle() throws {
        try NetworkNamespace.run {
            let netlink = try Netlink()
            let index = try Self.useDevice(netlink)
            #expect(try !netlink.addresses().contains { $0.interfaceIndex == index })
            #expect(Netlink.interfaceName(index) == "#\(index)")
        }
    }

    /// Makes an interface, looks at it, and gives it up.
    private static func useDevice(_ netlink: Netlink) throws -> UInt32 {
        let device = try TunDevice(name: "asn%d")
        let index = device.interfaceIndex
        #expect(device.name == "asn0")
        #expect(index > 0)
        let addresses = [
            InterfaceAddress(try ip("10.99.0.1"), prefixLength: 24, interfaceIndex: index),
            InterfaceAddress(try ip("fd00:99::1"), prefixLength: 64, interfaceIndex: index),
        ]
        try device.configure(mtu: 1_400, addresses: addresses)
        #expect(Set(try netlink.addresses()).isSuperset(of: addresses))
        #expect(try netlink.routes().contains(Route(to: prefix("10.99.0.0/24"), interfaceIndex: index)))
        #expect(try netlink.routes().contains(Route(to: prefix("fd00:99::/64"), interfaceIndex: index)))
        #expect(Netlink.interfaceName(index) == "asn0")
        return index
    }

    @Test("an IPv6 address is usable at once")
    func noDuplicateDetection() throws {
        try NetworkNamespace.run {
            let device = try TunDevice(name: "asn0")
            try device.configure(
                mtu: 1_400, addresses: [InterfaceAddress(Self.ip("fd00:99::1"), prefixLength: 64)])
            // Binding to an address that is still being probed is refused.
            _ = try UDPSocket(listening: SocketAddress(ip: Self.ip("fd00:99::1"), port: 0))
        }
    }

    @Test("packets go out by the interface's queue and come in by it", arguments: [1, 2])
    func packets(queueCount: Int) throws {
        try NetworkNamespace.run {
            let device = try TunDevice(name: "asn0", queueCount: queueCount)
            #expect(device.queues.count == queueCount)
            try device.configure(mtu: 1_400, addresses: [InterfaceAddress(Self.ip("10.99.0.1"), prefixLength: 24)])
            let socket = try UDPSocket(listening: #require(SocketAddress("10.99.0.1:5000")))
            let out = try SendBatch()
            out.append(Array("hello".utf8), to: try #require(SocketAddress("10.99.0.2:6000")), from: nil)
            socket.send(out)
            var packet = try #require(try Self.nextIPv4Packet(device))
            #expect(packet.count == 33)
            #expect(Array(packet[12..<20]) == [10, 99, 0, 1, 10, 99, 0, 2])
            #expect(Array(packet[28...]) == Array("hello".utf8))

            // Turned around it is an answer, and its checksums still hold.
            packet.replaceSubrange(12..<24, with: [10, 99, 0, 2, 10, 99, 0, 1, 0x17, 0x70, 0x13, 0x88])
            let taken = packet.withUnsafeBytes { device.queues[0].write($0) }
            #expect(taken)
            let batch = try ReceiveBatch()
            #expect(try socket.receive(into: batch) == 1)
            #expect(batch[0]?.remote == SocketAddress("10.99.0.2:6000"))

            let malformed = [UInt8](repeating: 0, count: 20).withUnsafeBytes { device.queues[0].write($0) }
            #expect(!malformed)
            #expect(device.queues[0].refusedWrites == 1)
        }
    }

    /// The next IPv4 packet of any queue; the kernel's own IPv6 chatter is passed over.
    private static func nextIPv4Packet(_ device: TunDevice) throws -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 2_048)
        for queue in device.queues {
            while let length = try buffer.withUnsafeMutableBytes({ try queue.read(into: $0) }) {
                if length > 0, buffer[0] >> 4 == 4 { return Array(buffer[0..<length]) }
            }
        }
        return nil
    }

    @Test("reading says when another program removed the interface")
    func removed() throws {
        try NetworkNamespace.run {
            let device = try TunDevice(name: "asn0")
            var buffer = [UInt8](repeating: 0, count: 100)
            #expect(try buffer.withUnsafeMutableBytes { try device.queues[0].read(into: $0) } == nil)
            try TestProgram.run("ip link del asn0")
            let error = #expect(throws: NetworkError.self) {
                _ = try buffer.withUnsafeMutableBytes { try device.queues[0].read(into: $0) }
            }
            #expect(error?.code == .notFound)
        }
    }

    @Test("an interface of the same name is refused with advice")
    func nameTaken() throws {
        try NetworkNamespace.run {
            let device = try TunDevice(name: "asn0")
            let error = #expect(throws: NetworkError.self) { _ = try TunDevice(name: device.name) }
            #expect(error?.code == .alreadyExists)
            #expect(error?.message.contains("ip link del asn0") == true)
        }
    }

    @Test(
        "names that the kernel or a rule set could misread are refused",
        arguments: ["", "sixteen-bytes-xx", "a b", "a/b", "..", ".", "a\"b", "a;b", "ü", "%d%d", "%s", "a\0b"])
    func names(name: String) {
        let error = #expect(throws: NetworkError.self) { _ = try TunDevice(name: name) }
        #expect(error?.code == .invalidArgument)
    }

    @Test(
        "routes are added, listed and removed, on the link and by a gateway",
        arguments: [("10.5.0.0/16", "10.99.0.7"), ("fd05::/32", "fd00:99::7"), ("0.0.0.0/0", "10.99.0.7")])
    func routes(destination: String, gateway: String) throws {
        try NetworkNamespace.run {
            let device = try TunDevice(name: "asn0")
            try device.configure(
                mtu: 1_400,
                addresses: [
                    InterfaceAddress(Self.ip("10.99.0.1"), prefixLength: 24),
                    InterfaceAddress(Self.ip("fd00:99::1"), prefixLength: 64),
                ])
            let netlink = try Netlink()
            for hop in [nil, try Self.ip(gateway)] {
                let route = Route(
                    to: try Self.prefix(destination), interfaceIndex: device.interfaceIndex, gateway: hop)
                try netlink.addRoute(route)
                #expect(try netlink.routes().contains(route))
                let twice = #expect(throws: NetworkError.self) { try netlink.addRoute(route) }
                #expect(twice?.code == .alreadyExists)
                try netlink.removeRoute(route)
                #expect(try !netlink.routes().contains(route))
                let gone = #expect(throws: NetworkError.self) { try netlink.removeRoute(route) }
                #expect(gone?.code == .notFound)
            }
        }
    }

    @Test("what the kernel refuses comes with the interface, the address and the reason")
    func refusals() throws {
        try NetworkNamespace.run {
            let netlink = try Netlink()
            let address = InterfaceAddress(try Self.ip("10.0.0.1"), prefixLength: 24)
            let missing = #expect(throws: NetworkError.self) { try netlink.addAddress(address, to: 4_711) }
            #expect(missing?.code == .notFound)
            #expect(missing?.message.contains("10.0.0.1/24") == true)
            try netlink.addAddress(address, to: 1)
            let twice = #expect(throws: NetworkError.self) { try netlink.addAddress(address, to: 1) }
            #expect(twice?.code == .alreadyExists)
            let length = #expect(throws: NetworkError.self) {
                try netlink.addAddress(InterfaceAddress(address.address, prefixLength: 33), to: 1)
            }
            #expect(length?.code == .invalidArgument)
        }
    }

    @Test("long lists of addresses come whole")
    func manyAddresses() throws {
        try NetworkNamespace.run {
            let netlink = try Netlink()
            let added = (0..<1_000).map { number in
                InterfaceAddress(
                    .v4(IPv4Address(bits: 0x0a0a_0000 + UInt32(number))), prefixLength: 32, interfaceIndex: 1)
            }
            for address in added { try netlink.addAddress(address, to: 1) }
            #expect(Set(try netlink.addresses()).isSuperset(of: added))
        }
    }
}
