public import VPNFormats
public import VPNProtocol

/// Decides who may come in, and with what. The engine proves what can be proven about a client (its key, its
/// certificate chain, its source address) and asks an authorizer for the rest; it knows nothing of users or stores.
///
/// Isolation: the methods are called from the engine's own threads and tasks, several at a time. `authorize` may take
/// as long as the handshake window allows (60 s by default); the other methods must return at once.
public protocol Authorizer: Sendable {
    /// Answers one login: the first of a session, and one for each renegotiation of its keys.
    ///
    /// The engine never lets data pass before this has answered `.admit`. A refusal ends the session, whichever key
    /// it was asked for.
    func authorize(_ login: Login) async -> LoginDecision

    /// The session has its keys and its configuration: data may flow from here on.
    func sessionBecameLive(_ session: SessionHandle)

    /// A session of an earlier process goes on in this one; from here on it is as one that was admitted.
    func sessionResumed(_ session: SessionHandle, grant: Grant)

    /// A session that was admitted has ended: live or not. Called exactly once for each session whose `authorize`
    /// answered `.admit`, after which its addresses may be given to another.
    func sessionEnded(_ report: SessionReport)
}

/// What a client showed and said when it asked to come in.
public struct Login: Sendable {
    /// The session that asks; the same for its later renegotiations.
    public let session: SessionHandle
    /// Where the client's packets come from.
    public let remote: SocketAddress
    /// Its certificate (chain, signature and purpose verified; dates, revocation and identity not), its credentials,
    /// and what it says of itself. A live session that renegotiates its keys keeps the addresses it was granted.
    public let request: LoginRequest

    /// A login of a session.
    public init(session: SessionHandle, remote: SocketAddress, request: LoginRequest) {
        self.session = session
        self.remote = remote
        self.request = request
    }
}

/// A session that has ended, for the connection log.
public struct SessionReport: Sendable {
    /// The session.
    public let session: SessionHandle
    /// Why it ended.
    public let reason: EndReason
    /// What it had carried by then.
    public let statistics: SessionStatistics

    /// A report of one session.
    public init(session: SessionHandle, reason: EndReason, statistics: SessionStatistics) {
        self.session = session
        self.reason = reason
        self.statistics = statistics
    }
}

/// What a session has carried so far.
public struct SessionStatistics: Sendable, Equatable {
    /// The session.
    public let session: SessionHandle
    /// The client's present outer address: it may change while the session lives.
    public let remote: SocketAddress
    /// Payload bytes from the client, as they left the tunnel.
    public let bytesIn: UInt64
    /// Payload bytes to the client, as they entered the tunnel.
    public let bytesOut: UInt64
    /// The data cipher, once there is one.
    public let cipher: DataCipher?
    /// The control channel's TLS version, such as "TLSv1.3", once there is one.
    public let tlsVersion: String?

    /// Statistics of one session.
    public init(
        session: SessionHandle, remote: SocketAddress, bytesIn: UInt64, bytesOut: UInt64, cipher: DataCipher?,
        tlsVersion: String?
    ) {
        self.session = session
        self.remote = remote
        self.bytesIn = bytesIn
        self.bytesOut = bytesOut
        self.cipher = cipher
        self.tlsVersion = tlsVersion
    }
}
