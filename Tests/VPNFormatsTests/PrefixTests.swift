import Foundation
import ProtocolTestKit
import Testing
import VPNFormats

@Suite struct PrefixTests {
    private func v4(_ text: String) throws -> IPv4Prefix { try IPv4Prefix(parsing: text) }
    private func v6(_ text: String) throws -> IPv6Prefix { try IPv6Prefix(parsing: text) }

    @Test(arguments: ["0.0.0.0/0", "10.8.0.0/16", "192.0.2.1/32", "::/0", "fd00:8::/64", "::1/128"])
    func `networks survive a round trip`(text: String) {
        #expect(IPPrefix(text)?.description == text)
    }

    @Test(arguments: [
        "", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "::/129", "::1/64", "10.0.0.1/8",
        "/8", "10.0.0.0/8/8",
    ])
    func `other networks are refused`(text: String) {
        #expect(IPPrefix(text) == nil)
    }

    @Test func `a network with bits beyond its length is refused with the one that was meant`() {
        let error = #expect(throws: FormatError.self) { try IPPrefix(parsing: "10.8.1.2/16") }
        #expect(error?.message.contains("10.8.0.0/16") == true)
    }

    @Test func `membership follows the length`() throws {
        #expect(try v4("10.8.0.0/16").contains(IPv4Address(10, 8, 255, 255)))
        #expect(try !v4("10.8.0.0/16").contains(IPv4Address(10, 9, 0, 0)))
        #expect(try v4("0.0.0.0/0").contains(IPv4Address(255, 0, 0, 1)))
        #expect(try v4("192.0.2.1/32").contains(IPv4Address(192, 0, 2, 1)))
        #expect(try v6("fd00::/8").contains(#require(IPv6Address("fdff::1"))))
        #expect(try v4("10.0.0.0/8").contains(v4("10.8.0.0/16")) && !v4("10.8.0.0/16").contains(v4("10.0.0.0/8")))
        #expect(try !IPPrefix.v4(v4("0.0.0.0/0")).contains(.v6(.any)))
    }

    @Test func `overlap is symmetric`() throws {
        let pairs = [
            ("10.0.0.0/8", "10.8.0.0/16", true), ("10.0.0.0/16", "10.1.0.0/16", false),
            ("0.0.0.0/0", "192.0.2.0/24", true),
        ]
        for (left, right, expected) in pairs {
            #expect(try v4(left).overlaps(v4(right)) == expected)
            #expect(try v4(right).overlaps(v4(left)) == expected)
        }
        #expect(try !IPPrefix(parsing: "0.0.0.0/0").overlaps(IPPrefix(parsing: "::/0")))
    }

    @Test func `hosts, masks and ends of networks are right`() throws {
        #expect(try v4("10.8.0.0/16").firstHost == IPv4Address(10, 8, 0, 1))
        #expect(try v4("10.8.0.0/31").firstHost == IPv4Address(10, 8, 0, 0))
        #expect(try v4("10.8.0.0/16").lastAddress == IPv4Address(10, 8, 255, 255))
        #expect(try v4("10.8.0.0/16").netmask.description == "255.255.0.0")
        #expect(try v4("0.0.0.0/0").netmask.description == "0.0.0.0")
        #expect(try v4("1.2.3.4/32").netmask.description == "255.255.255.255")
        #expect(try v6("fd00::/64").firstHost.description == "fd00::1")
        #expect(try v4("10.8.0.0/24").address(at: 255) == IPv4Address(10, 8, 0, 255))
        #expect(try v4("10.8.0.0/24").address(at: 256) == nil)
        #expect(try v4("255.255.255.0/24").address(at: 256) == nil)
        #expect(try v4("10.8.0.0/24").address(at: .max) == nil)
    }

    @Test func `networks are cut into equal parts`() throws {
        let whole = try v4("10.8.0.0/14")
        #expect(whole.subprefixCount(length: 22) == 256)
        #expect(whole.subprefix(0, length: 22)?.description == "10.8.0.0/22")
        #expect(whole.subprefix(255, length: 22)?.description == "10.11.252.0/22")
        #expect(whole.subprefix(256, length: 22) == nil)
        #expect(whole.subprefix(0, length: 13) == nil && whole.subprefix(0, length: 33) == nil)
        #expect(try v4("0.0.0.0/0").subprefix(0, length: 0)?.description == "0.0.0.0/0")
        #expect(try v4("0.0.0.0/0").subprefix(.max, length: 32) == nil)
        #expect(try v6("fd00::/48").subprefix(0xABC, length: 64)?.description == "fd00:0:0:abc::/64")
        #expect(try v6("::/0").subprefixCount(length: 64) == nil)
        #expect(try v6("::/0").subprefix(.max, length: 128)?.description == "::ffff:ffff:ffff:ffff/128")
    }

    @Test func `values are written into files as text`() throws {
        let listen = try ListenAddress(parsing: "udp:[::1]:1194")
        let data = try JSONEncoder().encode([listen])
        #expect(String(decoding: data, as: UTF8.self) == #"["udp:[::1]:1194"]"#)
        #expect(try JSONDecoder().decode([ListenAddress].self, from: data) == [listen])
        let prefix = try IPPrefix(parsing: "10.0.0.0/8")
        #expect(try JSONDecoder().decode(IPPrefix.self, from: JSONEncoder().encode(prefix)) == prefix)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(IPv4Address.self, from: Data(#""1.2.3""#.utf8))
        }
    }
}
