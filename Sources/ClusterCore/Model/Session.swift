public import VPNFormats

/// Names what a client keeps from its first connect through reconnects and moves between nodes: the 12 bytes in its
/// auth tokens.
public struct TokenSessionID: Hashable, Sendable {
    /// Exactly 12 bytes.
    public let bytes: [UInt8]

    /// - Parameter bytes: Exactly 12 bytes; anything else gives `nil`.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 12 else { return nil }
        self.bytes = Array(bytes)
    }

    /// - Parameter text: 24 hexadecimal digits of either case; anything else gives `nil`.
    public init?(_ text: some StringProtocol) {
        guard let bytes = Hex.decode(text, maximumBytes: 12) else { return nil }
        self.init(bytes: bytes)
    }

    /// - Parameter generator: The source of randomness; must be cryptographically strong outside tests.
    public init(using generator: inout some RandomNumberGenerator) {
        self.bytes = (0..<12).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
}

extension TokenSessionID: CustomStringConvertible {
    /// 24 lower-case hexadecimal digits. Not a secret: a token is worth nothing without its authentication code.
    public var description: String { Hex.encode(bytes) }
}

/// A client that is connected to a node.
public struct Session: Hashable, Sendable {
    /// Names the row.
    public var id: SessionRecordID
    /// Names the client through reconnects.
    public var tokenSession: TokenSessionID
    /// Who is connected.
    public var user: UserID
    /// Their name at the time, so that the log reads well after the user was removed.
    public var userName: String
    /// The certificate it was opened with, if any.
    public var certificate: CertificateSerial?
    /// The node that serves it.
    public var node: NodeID
    /// The epoch of that node when the session began.
    public var nodeEpoch: Int64
    /// Where the client's packets come from, last known.
    public var remoteAddress: SocketAddress
    /// Its address in the tunnel; no two live sessions share one.
    public var ipv4: IPv4Address?
    /// Its address in the tunnel; no two live sessions share one.
    public var ipv6: IPv6Address?
    /// The cipher of the data channel, in OpenVPN's spelling.
    public var cipher: String
    /// What the client says it is (`IV_VER`), sanitised, at most 64 bytes.
    public var clientVersion: String
    /// What the client says it runs on (`IV_PLAT`), sanitised, at most 64 bytes.
    public var clientPlatform: String
    /// When it was admitted.
    public var connectedAt: Timestamp
    /// When the counters were last written.
    public var updatedAt: Timestamp
    /// What has passed.
    public var traffic: Traffic

    /// Makes a session of its parts, which are explained at the properties.
    public init(
        id: SessionRecordID, tokenSession: TokenSessionID, user: UserID, userName: String,
        certificate: CertificateSerial? = nil, node: NodeID, nodeEpoch: Int64, remoteAddress: SocketAddress,
        ipv4: IPv4Address? = nil, ipv6: IPv6Address? = nil, cipher: String, clientVersion: String = "",
        clientPlatform: String = "", connectedAt: Timestamp, updatedAt: Timestamp, traffic: Traffic = Traffic()
    ) {
        self.id = id
        self.tokenSession = tokenSession
        self.user = user
        self.userName = userName
        self.certificate = certificate
        self.node = node
        self.nodeEpoch = nodeEpoch
        self.remoteAddress = remoteAddress
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        self.cipher = cipher
        self.clientVersion = clientVersion
        self.clientPlatform = clientPlatform
        self.connectedAt = connectedAt
        self.updatedAt = updatedAt
        self.traffic = traffic
    }
}

/// What has passed through a session since it began, counted inside the tunnel.
public struct Traffic: Hashable, Sendable {
    /// From the client.
    public var bytesReceived: Int64
    /// To the client.
    public var bytesSent: Int64

    /// Makes the value of its parts, which are explained at the properties.
    public init(bytesReceived: Int64 = 0, bytesSent: Int64 = 0) {
        self.bytesReceived = bytesReceived
        self.bytesSent = bytesSent
    }
}

/// The present counters of a live session.
public struct SessionUpdate: Hashable, Sendable {
    /// The session.
    public var id: SessionRecordID
    /// Where its packets come from now.
    public var remoteAddress: SocketAddress
    /// What has passed since it began.
    public var traffic: Traffic

    /// Makes a session update of its parts, which are explained at the properties.
    public init(id: SessionRecordID, remoteAddress: SocketAddress, traffic: Traffic) {
        self.id = id
        self.remoteAddress = remoteAddress
        self.traffic = traffic
    }
}

/// The end of a session.
public struct SessionEnd: Hashable, Sendable {
    /// The session.
    public var id: SessionRecordID
    /// When it ended.
    public var at: Timestamp
    /// Why, as a stable word such as `client-exit`, at most 64 bytes.
    public var reason: String
    /// What passed; `nil` when nobody knows, then the last counters written stay.
    public var traffic: Traffic?

    /// Makes the session end of its parts, which are explained at the properties.
    public init(id: SessionRecordID, at: Timestamp, reason: String, traffic: Traffic?) {
        self.id = id
        self.at = at
        self.reason = reason
        self.traffic = traffic
    }
}

/// A session that is over.
public struct ConnectionLogEntry: Hashable, Sendable {
    /// The session as it last was.
    public var session: Session
    /// When it ended.
    public var endedAt: Timestamp
    /// Why, as a stable word.
    public var reason: String

    /// Makes a connection log entry of its parts, which are explained at the properties.
    public init(session: Session, endedAt: Timestamp, reason: String) {
        self.session = session
        self.endedAt = endedAt
        self.reason = reason
    }
}

/// The addresses that a client last had on a node.
public struct AddressMemory: Hashable, Sendable {
    /// Whose.
    public var user: UserID
    /// With which certificate, if any.
    public var certificate: CertificateSerial?
    /// The IPv4 address.
    public var ipv4: IPv4Address?
    /// The IPv6 address.
    public var ipv6: IPv6Address?
    /// When the client last was admitted with them.
    public var usedAt: Timestamp

    /// Makes an address memory of its parts, which are explained at the properties.
    public init(
        user: UserID, certificate: CertificateSerial?, ipv4: IPv4Address?, ipv6: IPv6Address?, usedAt: Timestamp
    ) {
        self.user = user
        self.certificate = certificate
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        self.usedAt = usedAt
    }
}
