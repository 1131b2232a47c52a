internal import ClusterCore
internal import VPNEngine
internal import VPNFormats
internal import VPNProtocol

/// What the cluster's configuration means for the engine.
struct EnginePlan: Sendable {
    private let snapshot: Snapshot
    private let subnet: ClientSubnet

    init(_ snapshot: Snapshot, subnet: ClientSubnet) {
        self.snapshot = snapshot
        self.subnet = subnet
    }

    /// For an engine that starts.
    func configuration(_ node: NodeConfiguration) throws -> EngineConfiguration {
        guard let cookie = snapshot.secrets.cookie.first else {
            throw NodeError(.configuration, "the cluster has no cookie key; restore the database from a copy")
        }
        let clients = snapshot.settings[.maximumClients]
        var limits = EndpointLimits()
        // Room for those who are connecting, and for the old session of a client that comes back.
        limits.maximumSessions = max(limits.maximumSessions, min(clients * 2, 1 << 20))
        return EngineConfiguration(
            listeners: node.listeners, deviceName: node.deviceName, credentials: credentials, tlsVersions: tlsVersions,
            wrapping: wrapping, cookieKey: cookie, protocolSettings: protocolSettings, limits: limits,
            egress: node.egress)
    }

    /// For an engine that runs on what `old` meant.
    func update(from old: Snapshot) -> EngineUpdate {
        let hasNewServer =
            old.server.certificate != snapshot.server.certificate
            || old.server.authorities != snapshot.server.authorities
        return EngineUpdate(
            credentials: hasNewServer ? credentials : nil, tlsVersions: tlsVersions, wrapping: wrapping,
            protocolSettings: protocolSettings)
    }

    private var credentials: TLSCredentials {
        let server = snapshot.server
        return TLSCredentials(
            authorities: server.authorities.map(\.der), chain: [server.certificate.der],
            privateKey: Array(server.key.pem.utf8))
    }

    private var tlsVersions: ClosedRange<TLSVersion> {
        switch snapshot.settings[.minimumTLSVersion] {
        case .tls12: .tls12 ... .tls13
        case .tls13: .tls13 ... .tls13
        }
    }

    private var wrapping: WrappingKeys {
        WrappingKeys(tlsCryptV2: snapshot.secrets.tlsCryptV2, tlsCrypt: snapshot.secrets.tlsCrypt)
    }

    private var protocolSettings: ServerSettings {
        let settings = snapshot.settings
        let renegotiation = settings[.renegotiationInterval]
        return ServerSettings(
            ciphers: settings[.dataCiphers].map { DataCipher($0) },
            renegotiateAfter: renegotiation == .zero ? nil : renegotiation,
            tunnel: TunnelNetwork(ipv4: subnet.ipv4, ipv6: subnet.ipv6), clientToClient: settings[.clientToClient])
    }
}

extension DataCipher {
    /// The cipher of a setting.
    init(_ name: DataCipherName) {
        switch name {
        case .aes256GCM: self = .aes256GCM
        case .aes128GCM: self = .aes128GCM
        case .chaCha20Poly1305: self = .chaCha20Poly1305
        }
    }
}
