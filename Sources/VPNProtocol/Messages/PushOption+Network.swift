public import VPNFormats

/// Addresses, routes and what else configures a client's tun device.
extension PushOption {
    /// The client's address stands for itself in a network.
    public static let topologySubnet = PushOption(known: "topology subnet")
    /// Keeps IPv6 traffic from going around the tunnel.
    public static let blockIPv6 = PushOption(known: "block-ipv6")
    /// Keeps Windows from asking other DNS servers.
    public static let blockOutsideDNS = PushOption(known: "block-outside-dns")

    /// The client's IPv4 address and the mask of its network.
    public static func ifconfig(_ address: IPv4Address, netmask: IPv4Address) -> PushOption {
        PushOption(known: "ifconfig \(address) \(netmask)")
    }

    /// The client's IPv6 address, the length of its network's prefix, and the server's address.
    public static func ifconfigIPv6(_ address: IPv6Address, length: Int, gateway: IPv6Address) -> PushOption {
        PushOption(known: "ifconfig-ipv6 \(address)/\(length) \(gateway)")
    }

    /// Where the client sends its IPv4 traffic for the tunnel: the server's address.
    public static func routeGateway(_ address: IPv4Address) -> PushOption {
        PushOption(known: "route-gateway \(address)")
    }

    /// A network that is reached through the tunnel.
    public static func route(_ prefix: IPPrefix) -> PushOption {
        switch prefix {
        case .v4(let prefix): PushOption(known: "route \(prefix.address) \(prefix.netmask)")
        case .v6(let prefix): PushOption(known: "route-ipv6 \(prefix)")
        }
    }

    /// A network that is reached around the tunnel, by the gateway that the client had before. There is no such form
    /// for IPv6.
    public static func routeAroundTunnel(_ prefix: IPv4Prefix) -> PushOption {
        PushOption(known: "route \(prefix.address) \(prefix.netmask) net_gateway")
    }

    /// How all of the client's traffic is led into the tunnel.
    public struct RedirectFlags: OptionSet, Hashable, Sendable {
        /// The bits; not sent as such.
        public let rawValue: UInt8

        /// Takes the bits.
        public init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// Leaves the default route in place and lays two halves over it.
        public static let overrideDefault = RedirectFlags(rawValue: 1)
        /// IPv6 as well.
        public static let ipv6 = RedirectFlags(rawValue: 2)
        /// Not IPv4.
        public static let notIPv4 = RedirectFlags(rawValue: 4)
        /// Leaves the way to the DHCP server as it is.
        public static let bypassDHCP = RedirectFlags(rawValue: 8)
        /// Leaves the way to the client's DNS servers as it is.
        public static let bypassDNS = RedirectFlags(rawValue: 16)
        /// Blocks the client's local network.
        public static let blockLocal = RedirectFlags(rawValue: 32)

        fileprivate static let words: [(RedirectFlags, String)] = [
            (.overrideDefault, "def1"), (.ipv6, "ipv6"), (.notIPv4, "!ipv4"), (.bypassDHCP, "bypass-dhcp"),
            (.bypassDNS, "bypass-dns"), (.blockLocal, "block-local"),
        ]
    }

    /// Leads all of the client's traffic into the tunnel.
    public static func redirectGateway(_ flags: RedirectFlags = .overrideDefault) -> PushOption {
        let words = RedirectFlags.words.filter { flags.contains($0.0) }.map(\.1)
        return PushOption(known: (["redirect-gateway"] + words).joined(separator: " "))
    }

    /// The largest packet of the tun device, in bytes. Only for clients that announced a maximum, and not above it.
    public static func tunMTU(_ bytes: Int) -> PushOption {
        PushOption(known: "tun-mtu \(bytes)")
    }

    /// A DNS server in the form that all clients know.
    public static func dhcpDNS(_ address: IPAddress) -> PushOption {
        PushOption(known: "dhcp-option \(address.isIPv4 ? "DNS" : "DNS6") \(address)")
    }

    /// The client's own domain in the form that all clients know.
    ///
    /// - Throws: ``PushOptionError``.
    public static func dhcpDomain(_ domain: String) throws(PushOptionError) -> PushOption {
        try PushOption("dhcp-option DOMAIN \(try word(domain))")
    }

    /// A domain that short names are looked up in, in the form that all clients know.
    ///
    /// - Throws: ``PushOptionError``.
    public static func dhcpSearchDomain(_ domain: String) throws(PushOptionError) -> PushOption {
        try PushOption("dhcp-option DOMAIN-SEARCH \(try word(domain))")
    }

    /// The addresses of a DNS server in the form of OpenVPN 2.6 and later; at most eight, with a port if it is not 53.
    ///
    /// - Parameter server: The server's rank, 0 to 127.
    /// - Throws: ``PushOptionError``.
    public static func dnsServer(
        _ server: UInt8, addresses: [IPAddress], port: UInt16? = nil
    ) throws(PushOptionError) -> PushOption {
        let texts = addresses.prefix(8).map { address in
            guard let port else { return address.description }
            return SocketAddress(ip: address, port: port).description
        }
        return try PushOption("dns server \(server) address \(texts.joined(separator: " "))")
    }

    /// The domains that a DNS server is asked for, in the form of OpenVPN 2.6 and later; without them all.
    ///
    /// - Throws: ``PushOptionError``, also if the domains do not fit one option: then push several.
    public static func dnsResolveDomains(_ server: UInt8, _ domains: [String]) throws(PushOptionError) -> PushOption {
        try PushOption("dns server \(server) resolve-domains \(try words(domains))")
    }

    /// The domains that short names are looked up in, in the form of OpenVPN 2.6 and later.
    ///
    /// - Throws: ``PushOptionError``, also if the domains do not fit one option: then push several.
    public static func dnsSearchDomains(_ domains: [String]) throws(PushOptionError) -> PushOption {
        try PushOption("dns search-domains \(try words(domains))")
    }

    private static func words(_ texts: [String]) throws(PushOptionError) -> String {
        var joined: [String] = []
        for text in texts { joined.append(try word(text)) }
        guard !joined.isEmpty else { throw .length }
        return joined.joined(separator: " ")
    }

    private static func word(_ text: String) throws(PushOptionError) -> String {
        guard !text.isEmpty else { throw .length }
        guard !text.utf8.contains(where: { $0 == 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") })
        else { throw .character }
        return text
    }
}
