public import VPNFormats

/// What an admitted session gets.
public struct Grant: Sendable, Equatable {
    /// For logs and listings, never for decisions; a user's name.
    public var name: String

    /// The inner IPv4 address, out of the server's IPv4 subnet.
    public var ipv4: IPv4Address?

    /// The inner IPv6 address, out of the server's IPv6 subnet.
    public var ipv6: IPv6Address?

    /// Routes, name servers and the like. The session adds by itself what follows from it: `topology`, `ifconfig`,
    /// `route-gateway`, `peer-id`, `cipher`, `protocol-flags`, `ping`, `ping-restart`, `tun-mtu` and the token.
    public var push: [PushOption]

    /// The token that the client is to present instead of its password from now on. A secret.
    public var authToken: String?

    /// Set where the client logs in without a name: the name to send beside the token (`auth-token-user`).
    public var authTokenUser: String?

    /// How both sides notice that the other is gone.
    public var keepalive: Keepalive

    /// A grant of at least one address.
    public init(
        name: String, ipv4: IPv4Address?, ipv6: IPv6Address?, push: [PushOption] = [], authToken: String? = nil,
        authTokenUser: String? = nil, keepalive: Keepalive = Keepalive()
    ) {
        self.name = name
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        self.push = push
        self.authToken = authToken
        self.authTokenUser = authTokenUser
        self.keepalive = keepalive
    }
}

/// How both sides of a session notice that the other is gone.
public struct Keepalive: Sendable, Equatable {
    /// The server sends a ping when it has sent nothing else for this long.
    public var serverPing: Duration
    /// The client sends a ping when it has sent nothing else for this many seconds.
    public var clientPing: UInt32
    /// The client looks for a server anew when it has heard nothing for this many seconds.
    public var clientRestart: UInt32
    /// The server ends the session when it has heard nothing for this long.
    public var serverTimeout: Duration

    /// The defaults let a client leave a dead server within 4 s while it pings every 8 s only.
    public init(
        serverPing: Duration = .seconds(1), clientPing: UInt32 = 8, clientRestart: UInt32 = 4,
        serverTimeout: Duration = .seconds(30)
    ) {
        self.serverPing = serverPing
        self.clientPing = clientPing
        self.clientRestart = clientRestart
        self.serverTimeout = serverTimeout
    }
}

/// A login that is turned down, in the form that a stock client understands.
public struct Refusal: Sendable, Equatable {
    /// What the client is to do next.
    public enum Form: Sendable, Equatable {
        /// `AUTH_FAILED`: the client gives up or asks its user again.
        case failed
        /// `AUTH_FAILED,SESSION`: the client forgets its token and logs in with its credentials.
        case sessionExpired
        /// `AUTH_FAILED,TEMP`: the client tries again. To clients that do not know it, `RESTART`.
        case temporary(backoffSeconds: UInt32, advance: AuthFailure.Temporary.Advance)
    }

    /// What the client is to do next.
    public var form: Form
    /// What the client shows, printable ASCII without commas at best; longer than 200 bytes is cut.
    public var text: String

    /// A refusal in one of the forms.
    public init(_ form: Form = .failed, text: String) {
        self.form = form
        self.text = text
    }
}

/// How the server ends a session.
public enum SessionEnding: Sendable, Equatable {
    /// As a login that is turned down: `AUTH_FAILED`.
    case refused(Refusal)
    /// The client is to connect again, to the next address where `advance` is set; it keeps its token.
    case restart(advance: Bool, text: String)
    /// The client is to stop.
    case halt(text: String)
}

/// Why a session is over.
public enum EndReason: Sendable, Equatable, CustomStringConvertible {
    /// The client said goodbye.
    case clientExit
    /// Nothing was heard of the client for longer than its keepalive allows.
    case timeout
    /// The client did not finish its handshake in time.
    case handshakeTimeout
    /// The control channel's TLS failed.
    case tlsFailed(String)
    /// The client broke the protocol.
    case protocolError(String)
    /// A login was refused.
    case refused(String)
    /// The server ended it: an operator, a policy, a shutdown.
    case ended(String)

    /// One line for logs; holds no secret.
    public var description: String {
        switch self {
        case .clientExit: "client left"
        case .timeout: "client fell silent"
        case .handshakeTimeout: "handshake not finished in time"
        case .tlsFailed(let reason): "TLS failed: \(reason)"
        case .protocolError(let reason): "protocol error: \(reason)"
        case .refused(let reason): "refused: \(reason)"
        case .ended(let reason): "ended: \(reason)"
        }
    }
}
