public import VPNFormats

/// The client subnet of a node, of either family.
public struct ClientSubnet: Hashable, Sendable {
    /// The IPv4 subnet, nil when no client network is IPv4.
    public var ipv4: IPv4Prefix?
    /// The IPv6 subnet, nil when no client network is IPv6.
    public var ipv6: IPv6Prefix?

    /// Puts a subnet together.
    public init(ipv4: IPv4Prefix?, ipv6: IPv6Prefix?) {
        self.ipv4 = ipv4
        self.ipv6 = ipv6
    }

    /// What a node's row lists.
    public var prefixes: [IPPrefix] { [ipv4.map { IPPrefix.v4($0) }, ipv6.map { IPPrefix.v6($0) }].compactMap(\.self) }
}

/// Divides the client networks among nodes: each node has one sub-prefix of either family out of them.
public struct ClientSubnets: Hashable, Sendable {
    /// The most sub-prefixes of one family that are looked at for a free one.
    public static let searchLimit: UInt64 = 65_536

    private let ipv4: [IPv4Prefix]
    private let ipv6: [IPv6Prefix]
    private let lengthIPv4: Int
    private let lengthIPv6: Int

    /// Takes over networks, in the order in which they are used, and the length of a node's part of them.
    ///
    /// A network that is smaller than a node's part is not used.
    public init(networks: [IPPrefix], lengthIPv4: Int, lengthIPv6: Int) {
        ipv4 = networks.compactMap { if case .v4(let prefix) = $0 { prefix } else { nil } }
        ipv6 = networks.compactMap { if case .v6(let prefix) = $0 { prefix } else { nil } }
        self.lengthIPv4 = lengthIPv4
        self.lengthIPv6 = lengthIPv6
    }

    /// The networks and lengths of the settings `client.networks` and `client.prefix-length.*`.
    public init(_ settings: Settings) {
        self.init(
            networks: settings[.clientNetworks], lengthIPv4: settings[.clientPrefixLengthIPv4],
            lengthIPv6: settings[.clientPrefixLengthIPv6])
    }

    /// The first subnet that overlaps nothing of `taken`; of a family without networks or without room, nil.
    ///
    /// - Parameter taken: The subnets of the other nodes and the networks that this machine is on.
    public func firstFree(taken: [IPPrefix]) -> ClientSubnet {
        let takenIPv4 = taken.compactMap { if case .v4(let prefix) = $0 { prefix } else { nil } }
        let takenIPv6 = taken.compactMap { if case .v6(let prefix) = $0 { prefix } else { nil } }
        return ClientSubnet(
            ipv4: Self.firstFree(in: ipv4, length: lengthIPv4, taken: takenIPv4),
            ipv6: Self.firstFree(in: ipv6, length: lengthIPv6, taken: takenIPv6))
    }

    /// The subnets with a number, counted through all networks in their order from 0.
    public func subnet(at index: UInt64) -> ClientSubnet {
        ClientSubnet(
            ipv4: Self.subnet(at: index, in: ipv4, length: lengthIPv4),
            ipv6: Self.subnet(at: index, in: ipv6, length: lengthIPv6))
    }

    /// The pairs of a client network and a network that the machine is on that overlap; a default route is no network.
    public static func overlaps(networks: [IPPrefix], host: [IPPrefix]) -> [(network: IPPrefix, host: IPPrefix)] {
        networks.flatMap { network in
            host.filter { $0.length > 0 && $0.overlaps(network) }.map { (network, $0) }
        }
    }

    private static func subnet<Address: InternetAddress>(
        at index: UInt64, in networks: [AddressPrefix<Address>], length: Int
    ) -> AddressPrefix<Address>? {
        var index = index
        for network in networks where network.length <= length {
            guard let count = network.subprefixCount(length: length) else {
                return network.subprefix(index, length: length)
            }
            if index < count { return network.subprefix(index, length: length) }
            index -= count
        }
        return nil
    }

    private static func firstFree<Address: InternetAddress>(
        in networks: [AddressPrefix<Address>], length: Int, taken: [AddressPrefix<Address>]
    ) -> AddressPrefix<Address>? {
        let taken = taken.filter { $0.length > 0 }
        for index in 0..<searchLimit {
            guard let subnet = subnet(at: index, in: networks, length: length) else { return nil }
            if !taken.contains(where: { $0.overlaps(subnet) }) { return subnet }
        }
        return nil
    }
}
