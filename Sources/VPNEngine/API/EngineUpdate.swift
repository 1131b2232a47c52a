public import VPNProtocol

/// What may change while an engine runs. Values that are nil stay as they are.
public struct EngineUpdate: Sendable {
    /// For handshakes to come.
    public var credentials: TLSCredentials?
    /// TLS versions offered to handshakes to come.
    public var tlsVersions: ClosedRange<TLSVersion>?
    /// For clients to come; those that are connected keep the key they came with.
    public var wrapping: WrappingKeys?
    /// For decisions to come; `clientToClient` and `clampMSS` at once. The tunnel's networks stay as they were at start.
    public var protocolSettings: ServerSettings?

    /// An update; what is left out stays as it is.
    public init(
        credentials: TLSCredentials? = nil, tlsVersions: ClosedRange<TLSVersion>? = nil,
        wrapping: WrappingKeys? = nil, protocolSettings: ServerSettings? = nil
    ) {
        self.credentials = credentials
        self.tlsVersions = tlsVersions
        self.wrapping = wrapping
        self.protocolSettings = protocolSettings
    }
}

/// What an engine has done since it started.
public struct EngineCounters: Sendable, Equatable {
    /// Sessions of every state at present, and those of them that are live.
    public var sessions = 0
    /// Sessions that carry data at present.
    public var liveSessions = 0
    /// Datagrams received and sent.
    public var datagramsIn: UInt64 = 0
    /// Datagrams sent.
    public var datagramsOut: UInt64 = 0
    /// Inner packets from and to clients, and their bytes.
    public var packetsIn: UInt64 = 0
    /// Inner packets to clients.
    public var packetsOut: UInt64 = 0
    /// Bytes of inner packets from clients.
    public var bytesIn: UInt64 = 0
    /// Bytes of inner packets to clients.
    public var bytesOut: UInt64 = 0
    /// Dropped packets by reason.
    public var drops = DropCounters()

    /// Counters that stand at zero.
    public init() {}
}
