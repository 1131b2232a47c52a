internal import ClusterCore
internal import VPNFormats
internal import VPNProtocol

/// The settings `push.*` as options of the protocol. The engine adds what follows from the session itself.
struct PushPlan: Sendable {
    /// The options, in an order that all clients take.
    let options: [PushOption]

    /// - Parameter nodeAddresses: Where clients reach the nodes, besides the host name where that is an address.
    init(_ settings: Settings, nodeAddresses: [IPAddress]) {
        let inputs = PushInputs(settings)
        var options: [PushOption] = []
        if inputs.redirectsGateway { options.append(.redirectGateway([.overrideDefault, .ipv6])) }
        if inputs.holdsTun {
            options += Self.detours(settings[.hostname], nodeAddresses).map { .routeAroundTunnel($0) }
        }
        options += inputs.routes.map { .route($0) }
        options += inputs.dnsServers.map { .dhcpDNS($0) }
        // Domains were checked when they were set; one that cannot be pushed is left out rather than the login refused.
        options += inputs.searchDomains.compactMap { try? .dhcpSearchDomain($0) }
        if !inputs.dnsServers.isEmpty {
            options += [try? PushOption.dnsServer(0, addresses: inputs.dnsServers)].compactMap(\.self)
        }
        for domains in Self.chunks(inputs.searchDomains) {
            options += [try? PushOption.dnsSearchDomains(domains)].compactMap(\.self)
        }
        self.options = options
    }

    /// Host routes around the tunnel, so that a client that keeps its tunnel device can reconnect to any of the nodes.
    /// Clients have no such route for IPv6, and find the way back to the address that they connected to by themselves.
    private static func detours(_ hostname: String, _ nodeAddresses: [IPAddress]) -> [IPv4Prefix] {
        let addresses = ([IPAddress(hostname)].compactMap(\.self) + nodeAddresses).compactMap { address in
            if case .v4(let ipv4) = address { ipv4 } else { nil }
        }
        var seen: Set<IPv4Address> = []
        return addresses.filter { seen.insert($0).inserted }.compactMap { IPv4Prefix($0, length: 32) }
    }

    /// Domains in parts that fit one option each.
    private static func chunks(_ domains: [String]) -> [[String]] {
        var chunks: [[String]] = []
        for domain in domains {
            let size = (chunks.last ?? []).reduce(0) { $0 + $1.utf8.count + 1 }
            if chunks.isEmpty || size + domain.utf8.count > 200 { chunks.append([]) }
            chunks[chunks.count - 1].append(domain)
        }
        return chunks
    }
}
