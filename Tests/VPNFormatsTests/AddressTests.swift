import ProtocolTestKit
import Testing
import VPNFormats

@Suite struct AddressTests {
    @Test(arguments: ["0.0.0.0", "255.255.255.255", "192.0.2.1"])
    func `IPv4 text survives a round trip`(text: String) {
        #expect(IPv4Address(text)?.description == text)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "1..3.4", "+1.2.3.4", "1.2.3.-4", "a.b.c.d",
    ])
    func `other IPv4 text is refused`(text: String) {
        #expect(IPv4Address(text) == nil)
    }

    @Test(arguments: [
        ("::", "::"), ("::1", "::1"), ("0:0:0:0:0:0:0:1", "::1"), ("2001:DB8::A", "2001:db8::a"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("1::", "1::"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("fe80::0001", "fe80::1"),
    ])
    func `IPv6 text is printed as RFC 5952 says`(text: String, printed: String) {
        #expect(IPv6Address(text)?.description == printed)
    }

    @Test(arguments: [
        "", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::", "::1.2.3", "1.2.3.4::",
        "1:2:3:4:5:6:7:1.2.3.4", "::1:2:3:4:5:6:7:8", ":1::2", "1::2:", "::+1", "fe80::1%1", "1:2:3:4:5:6:7:8::",
    ])
    func `other IPv6 text is refused`(text: String) {
        #expect(IPv6Address(text) == nil)
    }

    @Test func `random addresses survive text and bytes`() {
        var random = SeededGenerator()
        for _ in 0..<500 {
            let mask = UInt128(random.next()) << 64 | UInt128(random.next())
            let sparse = mask & (UInt128(random.next() & random.next()) << 64 | UInt128(random.next() & random.next()))
            for bits in [mask, sparse, mask >> UInt128(random.next() % 128)] {
                let address = IPv6Address(bits: bits)
                #expect(IPv6Address(address.description) == address)
                #expect(IPAddress(bytes: address.bytes) == .v6(address))
            }
            let v4 = IPv4Address(bits: UInt32(truncatingIfNeeded: random.next()))
            #expect(IPv4Address(v4.description) == v4)
            #expect(IPAddress(bytes: v4.bytes) == .v4(v4))
            #expect(IPv6Address(mapping: v4).ipv4Mapped == v4)
            #expect(IPAddress.v6(IPv6Address(mapping: v4)).unmapped == .v4(v4))
        }
    }

    @Test func `kinds of addresses are told apart`() throws {
        #expect(try #require(IPv4Address("10.1.2.3")).isPrivate && #require(IPv4Address("172.31.0.1")).isPrivate)
        #expect(try !#require(IPv4Address("172.32.0.1")).isPrivate && !#require(IPv4Address("11.0.0.1")).isPrivate)
        #expect(try #require(IPv6Address("fe80::1")).isLinkLocal && !#require(IPv6Address("fec0::1")).isLinkLocal)
        #expect(try #require(IPv6Address("fd00::1")).isUniqueLocal && !#require(IPv6Address("fe00::1")).isUniqueLocal)
        #expect(try #require(IPv4Address("224.0.0.1")).isMulticast && #require(IPv6Address("ff02::1")).isMulticast)
        #expect(IPv4Address.loopback.isLoopback && IPv6Address.loopback.isLoopback)
        #expect(try #require(IPv4Address("169.254.1.1")).isLinkLocal)
    }

    @Test(arguments: ["192.0.2.1:1194", "[::1]:1194", "[fe80::1%2]:65535", "0.0.0.0:0"])
    func `socket addresses survive a round trip`(text: String) {
        #expect(SocketAddress(text)?.description == text)
    }

    @Test(arguments: [
        "", ":1", "1.2.3.4", "1.2.3.4:65536", "::1:1194", "[::1]", "[::1]:", "[::1%]:1", "[::1%x]:1", "[]:1", "[:1",
        "1.2.3.4:+1",
    ])
    func `other socket addresses are refused`(text: String) {
        #expect(SocketAddress(text) == nil)
    }

    @Test(arguments: ["udp:1194", "udp:[::]:1194", "udp:192.0.2.1:1194", "tcp:443"])
    func `addresses to listen on survive a round trip`(text: String) throws {
        #expect(try ListenAddress(parsing: text).description == text)
    }

    @Test(arguments: [
        "", "udp", "udp:", "udp:0", "udp:65536", "sctp:1", "udp:[::]", "udp:1.2.3.4", "udp:host:1", "udp:[fe80::1%2]:1",
        "1194", "udp:1.2.3.4:0",
    ])
    func `other addresses to listen on are refused with a reason`(text: String) {
        #expect(throws: FormatError.self) { try ListenAddress(parsing: text) }
    }
}
