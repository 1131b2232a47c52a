internal import Glibc
internal import VPNFormats
internal import VPNProtocol

/// What a shard is made of: everything that can fail is opened here, before a thread is started.
struct ShardParts {
    let configuration: EngineConfiguration
    let mailbox: Mailbox
    let authorizer: any Authorizer
    let onEvent: @Sendable (EngineEvent) -> Void
    let onStopped: @Sendable (EngineError?) -> Void
    let tunnel: TunDevice
    let queue: TunQueue
    let sockets: [UDPSocket]
    let egress: NATEgress?

    init(
        configuration: EngineConfiguration, mailbox: Mailbox, authorizer: any Authorizer,
        onEvent: @escaping @Sendable (EngineEvent) -> Void, onStopped: @escaping @Sendable (EngineError?) -> Void
    ) throws(EngineError) {
        self.configuration = configuration
        self.mailbox = mailbox
        self.authorizer = authorizer
        self.onEvent = onEvent
        self.onStopped = onStopped
        let addresses = try configuration.socketAddresses()
        do throws(NetworkError) {
            var sockets: [UDPSocket] = []
            for address in addresses { sockets.append(try UDPSocket(listening: address)) }
            self.sockets = sockets
            self.tunnel = try TunDevice(name: configuration.deviceName)
            guard let queue = self.tunnel.queues.first else {
                throw NetworkError(.noTunnelDevice, "the tunnel interface has no queue")
            }
            self.queue = queue
            let network = configuration.protocolSettings.tunnel
            try self.tunnel.configure(mtu: network.mtuBytes, addresses: network.interfaceAddresses)
            self.egress = try configuration.openEgress(device: self.tunnel.name, onEvent: onEvent)
        } catch {
            throw EngineError(error)
        }
    }
}

extension EngineConfiguration {
    /// The addresses to bind; one that names no address stands for all of both families.
    fileprivate func socketAddresses() throws(EngineError) -> [SocketAddress] {
        guard !self.listeners.isEmpty, self.listeners.count <= 64 else {
            throw EngineError(.configuration, "name 1 to 64 addresses to listen on, such as udp:1194")
        }
        guard self.cookieKey.count >= 32, !self.wrapping.tlsCryptV2.isEmpty || !self.wrapping.tlsCrypt.isEmpty else {
            throw EngineError(.configuration, "a cookie key of 32 bytes and a wrapping key are needed")
        }
        guard self.protocolSettings.tunnel.ipv4 != nil || self.protocolSettings.tunnel.ipv6 != nil else {
            throw EngineError(.configuration, "the tunnel needs an IPv4 or an IPv6 subnet for its clients")
        }
        var addresses: [SocketAddress] = []
        for listener in self.listeners {
            guard listener.transport == .udp else {
                throw EngineError(.configuration, "\(listener): listening on tcp is not supported yet")
            }
            if let address = listener.address {
                addresses.append(SocketAddress(ip: address, port: listener.port))
            } else {
                addresses.append(SocketAddress(ip: .v4(IPv4Address(bits: 0)), port: listener.port))
                if Self.hasIPv6 { addresses.append(SocketAddress(ip: .v6(IPv6Address(bits: 0)), port: listener.port)) }
            }
        }
        return addresses
    }

    /// Machines may have IPv6 switched off; "all addresses" then means IPv4.
    private static var hasIPv6: Bool { unsafe access("/proc/net/if_inet6", R_OK) == 0 }

    /// Lets the kernel pass packets on, and sets up the packet filter.
    fileprivate func openEgress(
        device: String, onEvent: @Sendable (EngineEvent) -> Void
    ) throws(NetworkError) -> NATEgress? {
        guard self.egress != .none else { return nil }
        let network = self.protocolSettings.tunnel
        if network.ipv4 != nil {
            for setting in try Forwarding.ipv4.enable() { onEvent(.changedSetting(setting)) }
        }
        if network.ipv6 != nil {
            for setting in try Forwarding.ipv6.enable() { onEvent(.changedSetting(setting)) }
        }
        let subnets = [network.ipv4.map(IPPrefix.v4), network.ipv6.map(IPPrefix.v6)].compactMap { $0 }
        // What goes from client to client is decided before the kernel sees it; what comes by another way is dropped.
        return try NATEgress(
            EgressRules(
                device: device, masquerade: self.egress == .nat ? subnets : [], dropsClientToClient: true))
    }
}

extension TunnelNetwork {
    var interfaceAddresses: [InterfaceAddress] {
        [
            self.ipv4.map { InterfaceAddress(.v4($0.firstHost), prefixLength: $0.length) },
            self.ipv6.map { InterfaceAddress(.v6($0.firstHost), prefixLength: $0.length) },
        ].compactMap { $0 }
    }
}

extension EngineError {
    init(_ error: NetworkError) {
        let code: Code =
            switch error.code {
            case .addressInUse: .addressInUse
            case .addressUnavailable: .addressUnavailable
            case .permission: .permission
            case .noTunnelDevice: .noTunnelDevice
            case .toolFailed: .egress
            case .invalidArgument, .alreadyExists: .configuration
            default: .system
            }
        self.init(code, error.message)
    }
}

extension Moment {
    /// What the clocks say.
    static func current() -> Moment {
        Moment(instant: Instant(nanoseconds: BootClock.nanoseconds), unixSeconds: UInt64(max(0, time(nil))))
    }
}
