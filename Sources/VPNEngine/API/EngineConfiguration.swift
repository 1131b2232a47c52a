public import VPNFormats
public import VPNProtocol

/// All that an ``Engine`` needs to know before it starts. Lists of keys are for rotation: the first is the one in use,
/// the others are still accepted.
public struct EngineConfiguration: Sendable {
    /// The UDP addresses to listen on. `tcp` is not supported yet and refused at start.
    public var listeners: [ListenAddress]

    /// Name of the tunnel's network interface, at most 15 bytes; `%d` is replaced by the next free number. Its
    /// addresses and MTU are those of `protocolSettings.tunnel`.
    public var deviceName: String

    /// What clients verify the server by, and the server its clients.
    public var credentials: TLSCredentials

    /// TLS versions of the control channel.
    public var tlsVersions: ClosedRange<TLSVersion>

    /// How control packets are wrapped.
    public var wrapping: WrappingKeys

    /// Secret behind the stateless handshake's cookies: 32 bytes, the same on every node of a cluster.
    public var cookieKey: [UInt8]

    /// What the server offers and how long it waits.
    public var protocolSettings: ServerSettings

    /// Bounds on what clients, known or not, can make grow.
    public var limits: EndpointLimits

    /// How clients' packets reach other networks.
    public var egress: EgressConfiguration

    /// Sessions of an earlier process that this one goes on with (``Engine/exportSessions()``).
    public var resume: [[UInt8]]

    /// A configuration. It is checked when the engine starts.
    public init(
        listeners: [ListenAddress], deviceName: String, credentials: TLSCredentials,
        tlsVersions: ClosedRange<TLSVersion> = .tls12 ... .tls13, wrapping: WrappingKeys, cookieKey: [UInt8],
        protocolSettings: ServerSettings,
        limits: EndpointLimits = EndpointLimits(), egress: EgressConfiguration = .nat, resume: [[UInt8]] = []
    ) {
        self.listeners = listeners
        self.deviceName = deviceName
        self.credentials = credentials
        self.tlsVersions = tlsVersions
        self.wrapping = wrapping
        self.cookieKey = cookieKey
        self.protocolSettings = protocolSettings
        self.limits = limits
        self.egress = egress
        self.resume = resume
    }
}

/// How clients' packets reach other networks.
public enum EgressConfiguration: Sendable, Equatable {
    /// The node's own addresses stand for its clients' (masquerade), by an nftables table removed at exit.
    case nat
    /// Clients' addresses leave as they are: the network must route the client subnet to this node.
    case route
    /// The engine touches neither forwarding nor the packet filter.
    case none
}
