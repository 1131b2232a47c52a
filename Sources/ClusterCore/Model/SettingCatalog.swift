public import VPNFormats

// Each setting, with its default. A setting that is added here is listed in `SettingDefinition.all` too; a test compares.

extension SettingDefinition {
    /// Every setting there is, in the order in which a person should read them.
    public static let all: [SettingDefinition] = [
        Setting<String>.hostname.definition,
        Setting<[IPPrefix]>.clientNetworks.definition,
        Setting<Int>.clientPrefixLengthIPv4.definition,
        Setting<Int>.clientPrefixLengthIPv6.definition,
        Setting<Int>.maximumClients.definition,
        Setting<Bool>.clientToClient.definition,
        Setting<Bool>.redirectGateway.definition,
        Setting<[IPPrefix]>.pushedRoutes.definition,
        Setting<[IPAddress]>.dnsServers.definition,
        Setting<[String]>.searchDomains.definition,
        Setting<Bool>.holdTun.definition,
        Setting<[DataCipherName]>.dataCiphers.definition,
        Setting<TLSVersionName>.minimumTLSVersion.definition,
        Setting<Duration>.renegotiationInterval.definition,
        Setting<Duration>.serverPing.definition,
        Setting<Duration>.clientPing.definition,
        Setting<Duration>.clientRestart.definition,
        Setting<Duration>.clientTimeout.definition,
        Setting<Duration>.mobilePing.definition,
        Setting<Duration>.mobileRestart.definition,
        Setting<Duration>.tokenLifetime.definition,
        Setting<Duration>.tokenRenewal.definition,
        Setting<Int>.lockoutThreshold.definition,
        Setting<Duration>.lockoutDuration.definition,
        Setting<Int>.scryptCost.definition,
        Setting<Duration>.clientCertificateLifetime.definition,
        Setting<Duration>.serverCertificateLifetime.definition,
        Setting<Duration>.connectionLogRetention.definition,
        Setting<Duration>.auditRetention.definition,
        Setting<Duration>.sessionUpdateInterval.definition,
        Setting<Duration>.changePollInterval.definition,
    ]
}

/// A cipher of the data channel, in OpenVPN's spelling.
public enum DataCipherName: String, Sendable, CaseIterable {
    /// AES-256-GCM.
    case aes256GCM = "AES-256-GCM"
    /// AES-128-GCM.
    case aes128GCM = "AES-128-GCM"
    /// ChaCha20-Poly1305.
    case chaCha20Poly1305 = "CHACHA20-POLY1305"
}

/// A version of TLS on the control channel.
public enum TLSVersionName: String, Sendable, CaseIterable {
    /// TLS 1.2.
    case tls12 = "1.2"
    /// TLS 1.3.
    case tls13 = "1.3"
}

extension Setting<String> {
    /// The name under which clients find the cluster; empty until it is set.
    public static var hostname: Setting {
        Setting(
            "hostname", .optionalHostname, default: "",
            "The DNS name or address under which clients reach the nodes; written into profiles.")
    }
}

// The default IPv4 network is 10.56.0.0/14: 256 subnets of /22. It keeps clear of what is common around clients and
// nodes: Docker's pools (172.17.0.0/16 to 172.31.0.0/16, 192.168.0.0/16, 10.0.0.0 upwards), Podman (10.88.0.0/16), home
// routers (192.168.0.0/16, 10.0.0.0/16, 10.1.0.0/16), Kubernetes distributions (10.42.0.0/15, 10.96.0.0/12,
// 10.244.0.0/16), cloud defaults (10.0.0.0/16, 10.128.0.0/9, 172.31.0.0/16), and the carriers' shared space
// 100.64.0.0/10, which is a client's own address on many mobile networks and which overlay networks filter. The IPv6
// network is a /48 of unique local addresses (RFC 4193), whose 40 random bits are taken from the cluster's random id.
extension Setting<[IPPrefix]> {
    /// What nodes take their client subnets from; can grow.
    public static var clientNetworks: Setting {
        Setting(
            "client.networks", .list(of: .network, count: 1...64),
            "The networks that nodes take their client subnets from, in this order; networks may be added later."
        ) { cluster in
            let networks = [
                IPPrefix(containing: .v4(IPv4Address(10, 56, 0, 0)), length: 14),
                IPAddress(bytes: [0xfd] + cluster.bytes.prefix(5) + [UInt8](repeating: 0, count: 10))
                    .flatMap { IPPrefix(containing: $0, length: 48) },
            ]
            return networks.compactMap(\.self)
        }
    }

    /// What clients are told to reach through the tunnel when ``Setting/redirectGateway`` is off.
    public static var pushedRoutes: Setting {
        Setting(
            "push.routes", .list(of: .network, count: 0...128), default: [],
            "The networks that clients reach through the tunnel; with push.redirect-gateway off these alone.")
    }
}

extension Setting<Int> {
    /// How large a node's IPv4 subnet is.
    public static var clientPrefixLengthIPv4: Setting {
        Setting(
            "client.prefix-length.ipv4", .number(16...29), default: 22,
            "The prefix length of a node's IPv4 client subnet; 22 holds 1,021 clients.")
    }

    /// How large a node's IPv6 subnet is.
    public static var clientPrefixLengthIPv6: Setting {
        Setting(
            "client.prefix-length.ipv6", .number(48...120), default: 64,
            "The prefix length of a node's IPv6 client subnet.")
    }

    /// How many clients a node serves at once.
    public static var maximumClients: Setting {
        Setting(
            "limit.clients", .number(1...1_000_000), default: 1000,
            "How many clients one node serves at once; more are refused for the time being.")
    }

    /// After how many failed logins in a row a user is locked out.
    public static var lockoutThreshold: Setting {
        Setting(
            "lockout.threshold", .number(0...1000), default: 5,
            "After how many wrong passwords in a row a user is locked out; 0 never.")
    }

    /// The cost of a password hash.
    public static var scryptCost: Setting {
        Setting(
            "password.scrypt-cost", .number(14...20), default: 15,
            "The cost of a password hash as a power of two (scrypt N); each step doubles time and memory, 15 is 32 MiB."
        )
    }
}

extension Setting<Bool> {
    /// Whether clients of one node reach each other.
    public static var clientToClient: Setting {
        Setting(
            "client.to-client", .boolean, default: false, "Whether clients of one node may reach each other.")
    }

    /// Whether all of a client's traffic goes through the tunnel.
    public static var redirectGateway: Setting {
        Setting(
            "push.redirect-gateway", .boolean, default: true,
            "Whether all of a client's traffic goes through the tunnel; if not, push.routes alone does.")
    }

    /// Whether clients keep their tunnel device while they reconnect.
    public static var holdTun: Setting {
        Setting(
            "hold-tun", .boolean, default: false,
            "Whether clients keep their tunnel device while they reconnect, so that nothing leaves in clear then.")
    }
}

extension Setting<[IPAddress]> {
    /// The name servers that clients use.
    public static var dnsServers: Setting {
        Setting(
            "push.dns-servers", .list(of: .address, count: 0...8), default: [],
            "The name servers that clients are told to use; none leaves theirs as they are.")
    }
}

extension Setting<[String]> {
    /// The domains that clients search.
    public static var searchDomains: Setting {
        Setting(
            "push.search-domains", .list(of: .domain, count: 0...16), default: [],
            "The domains that clients are told to search for short names.")
    }
}

extension Setting<[DataCipherName]> {
    /// The ciphers of the data channel, the preferred one first.
    public static var dataCiphers: Setting {
        Setting(
            "data.ciphers", .list(of: .choice(), count: 1...3),
            default: [.aes256GCM, .aes128GCM, .chaCha20Poly1305],
            "The ciphers of the data channel, the preferred one first.")
    }
}

extension Setting<TLSVersionName> {
    /// The oldest version of TLS that is spoken.
    public static var minimumTLSVersion: Setting {
        Setting("tls.version-min", .choice(), default: .tls12, "The oldest version of TLS that nodes speak.")
    }
}
