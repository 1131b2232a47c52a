public import VPNFormats

/// What a server offers, and how long it waits. Every value may be changed for sessions to come while it runs.
public struct ServerSettings: Sendable {
    /// Data ciphers in order of preference.
    public var ciphers: [DataCipher]

    /// A key exchange must be complete within this time.
    public var handshakeWindow: Duration

    /// The server begins a renegotiation when a key is this old, or up to a tenth older. Best a little longer than the
    /// clients' own interval, which is an hour by default, as two beginnings at a time stall some clients. Nil: only
    /// clients begin, and keys that reach their limits.
    public var renegotiateAfter: Duration?

    /// A key that was replaced is accepted no longer than this.
    public var transitionWindow: Duration

    /// First wait for an acknowledgement; doubled with each try.
    public var retransmitAfter: Duration

    /// How long a session that is over waits for its last words to be acknowledged.
    public var linger: Duration

    /// Wrap renegotiations in a key of the session's own, with clients that can.
    public var dynamicTLSCrypt: Bool

    /// The tunnel's networks and MTU, as clients are told.
    public var tunnel: TunnelNetwork

    /// Clients of this server may reach each other.
    public var clientToClient: Bool

    /// Cut the maximum segment size of TCP connections so that their packets fit the tunnel unfragmented.
    public var clampMSS: Bool

    /// Settings; the defaults are those of the stock server where clients can tell.
    public init(
        ciphers: [DataCipher] = DataCipher.allCases, handshakeWindow: Duration = .seconds(60),
        renegotiateAfter: Duration? = .seconds(3_660), transitionWindow: Duration = .seconds(3_600),
        retransmitAfter: Duration = .seconds(2), linger: Duration = .seconds(5), dynamicTLSCrypt: Bool = true,
        tunnel: TunnelNetwork = TunnelNetwork(), clientToClient: Bool = false, clampMSS: Bool = true
    ) {
        self.ciphers = ciphers
        self.handshakeWindow = handshakeWindow
        self.renegotiateAfter = renegotiateAfter
        self.transitionWindow = transitionWindow
        self.retransmitAfter = retransmitAfter
        self.linger = linger
        self.dynamicTLSCrypt = dynamicTLSCrypt
        self.tunnel = tunnel
        self.clientToClient = clientToClient
        self.clampMSS = clampMSS
    }
}

/// The networks inside the tunnel.
public struct TunnelNetwork: Sendable, Equatable {
    /// The clients' IPv4 subnet; its first host address is the server's own.
    public var ipv4: IPv4Prefix?
    /// The clients' IPv6 subnet; its first host address is the server's own.
    public var ipv6: IPv6Prefix?
    /// MTU inside the tunnel in bytes.
    public var mtuBytes: Int

    /// Networks of the tunnel: at least one is needed to admit anyone.
    public init(ipv4: IPv4Prefix? = nil, ipv6: IPv6Prefix? = nil, mtuBytes: Int = 1_500) {
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        self.mtuBytes = mtuBytes
    }
}
