import ProtocolTestKit
import Testing
import VPNFormats
import VPNProtocol

@Suite struct PushTests {
    @Test func `options are written as clients read them`() throws {
        let v4 = try #require(IPv4Address("10.8.0.2"))
        let v6 = try #require(IPv6Address("fd00::2"))
        let gateway = try #require(IPv6Address("fd00::1"))
        let cases: [(PushOption, String)] = [
            (.topologySubnet, "topology subnet"),
            (.ifconfig(v4, netmask: try IPv4Prefix(parsing: "10.8.0.0/22").netmask), "ifconfig 10.8.0.2 255.255.252.0"),
            (.ifconfigIPv6(v6, length: 64, gateway: gateway), "ifconfig-ipv6 fd00::2/64 fd00::1"),
            (.routeGateway(v4), "route-gateway 10.8.0.2"),
            (.route(try IPPrefix(parsing: "10.1.0.0/16")), "route 10.1.0.0 255.255.0.0"),
            (.route(try IPPrefix(parsing: "fd01::/48")), "route-ipv6 fd01::/48"),
            (
                .routeAroundTunnel(try IPv4Prefix(parsing: "192.0.2.1/32")),
                "route 192.0.2.1 255.255.255.255 net_gateway"
            ),
            (.redirectGateway(), "redirect-gateway def1"),
            (.redirectGateway([.overrideDefault, .ipv6, .bypassDHCP]), "redirect-gateway def1 ipv6 bypass-dhcp"),
            (.dhcpDNS(.v4(v4)), "dhcp-option DNS 10.8.0.2"), (.dhcpDNS(.v6(v6)), "dhcp-option DNS6 fd00::2"),
            (try .dhcpDomain("example.org"), "dhcp-option DOMAIN example.org"),
            (try .dnsServer(0, addresses: [.v4(v4), .v6(v6)]), "dns server 0 address 10.8.0.2 fd00::2"),
            (try .dnsServer(1, addresses: [.v6(v6)], port: 5_353), "dns server 1 address [fd00::2]:5353"),
            (try .dnsResolveDomains(0, ["a.org", "b.org"]), "dns server 0 resolve-domains a.org b.org"),
            (try .dnsSearchDomains(["a.org"]), "dns search-domains a.org"),
            (.ping(seconds: 8), "ping 8"), (.pingRestart(seconds: 4), "ping-restart 4"),
            (.peerID(try #require(PeerID(rawValue: 77))), "peer-id 77"), (.cipher(.aes256GCM), "cipher AES-256-GCM"),
            (
                .protocolFlags([.controlChannelExit, .tlsKeyExport, .dynamicTLSCrypt]),
                "protocol-flags cc-exit tls-ekm dyn-tls-crypt"
            ),
            (.keyDerivationByExporter, "key-derivation tls-ekm"), (.tunMTU(1_420), "tun-mtu 1420"),
            (try .authToken(Vectors.authToken), "auth-token \(Vectors.authToken)"),
            (try .authTokenUser("ann"), "auth-token-user YW5u"), (.blockIPv6, "block-ipv6"),
            (.explicitExitNotify(times: 1), "explicit-exit-notify 1"),
        ]
        for (option, text) in cases {
            #expect(option.text == text)
            #expect(try PushOption(text) == option)
        }
    }

    @Test(arguments: ["", "a,b", "a\nb", "a\0b", "dépt", "a\u{7F}", String(repeating: "x", count: 256)])
    func `texts that would not arrive as one option are refused`(text: String) {
        #expect(throws: PushOptionError.self) { try PushOption(text) }
    }

    @Test(arguments: ["", "a b", "a\"", "a\\b", "a,b", "x\n"])
    func `domains that would become something else are refused`(domain: String) {
        #expect(throws: PushOptionError.self) { try PushOption.dhcpDomain(domain) }
        #expect(throws: PushOptionError.self) { try PushOption.dnsSearchDomains(["good.org", domain]) }
        #expect(throws: PushOptionError.self) { try PushOption.dnsResolveDomains(0, [domain]) }
    }

    @Test func `a token is not printed`() throws {
        let option = try PushOption.authToken(Vectors.authToken)
        #expect("\(option)" == "auth-token (redacted)")
        #expect("\(PushOption.blockIPv6)" == "block-ipv6")
    }

    @Test func `values with blanks are quoted`() {
        #expect(PushOption.quoted(#"a "b" \c"#) == #""a \"b\" \\c""#)
    }

    @Test func `a short reply is one message`() {
        #expect(PushReply([.topologySubnet, .ping(seconds: 1)]).messages == ["PUSH_REPLY,topology subnet,ping 1"])
        #expect(PushReply([]).messages == ["PUSH_REPLY,"])
    }

    @Test func `random replies are cut and put together again`() throws {
        var random = SeededGenerator()
        for _ in 0..<200 {
            let options = try (0..<Int.random(in: 0...60, using: &random)).map { index in
                let length = Int.random(in: 1...250, using: &random)
                return try PushOption("o\(index)" + String(repeating: "x", count: length))
            }
            let messages = PushReply(options).messages
            var received: [PushOption] = []
            for (index, message) in messages.enumerated() {
                #expect(message.utf8.count + 1 <= PushReply.maximumMessageBytes)
                guard case .pushReply(let part) = ControlMessage(text: message) else {
                    Issue.record("not a push reply: \(message)")
                    return
                }
                received += part.options
                #expect(part.continues == (index < messages.count - 1))
                #expect(messages.count == 1 || message.contains(",push-continuation \(part.continues ? 2 : 1)"))
            }
            #expect(received == options)
        }
    }
}
