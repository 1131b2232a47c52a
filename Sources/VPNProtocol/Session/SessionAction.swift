/// One session of one engine. Unique within a process and never used again.
public struct SessionHandle: Hashable, Sendable, CustomStringConvertible {
    /// Counts up with each session of the process.
    public let rawValue: UInt64

    /// The handle of this number.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Such as `s17`, for logs.
    public var description: String { "s\(self.rawValue)" }
}

/// What a session asks of its driver, in order.
public enum SessionAction: Sendable {
    /// Send this datagram along the session's path.
    case send([UInt8])
    /// Something for the TLS object of this key id. The driver answers with ``TLSOutput`` where there is any.
    case tls(KeyID, TLSCommand)
    /// Ask whoever decides; the answer goes to `decide`, with the same ticket.
    case authorize(LoginTicket, LoginRequest)
    /// The set of data keys has changed: contexts made for keys that are gone go too.
    case dataKeysChanged
    /// Encrypt and send a ping.
    case ping
    /// The session has its configuration; data flows.
    case live
    /// The session is over for everyone but the last packets: reported once.
    case ended(EndReason)
}

/// Something for the TLS object of one key id.
public enum TLSCommand: Sendable, Equatable {
    /// Make a fresh object.
    case open
    /// Ciphertext from the peer.
    case feed([UInt8])
    /// One plaintext message, to be written as one record.
    case write([UInt8])
    /// The object is no longer needed.
    case close
}

/// What came out of the TLS object of one key id.
public struct TLSOutput: Sendable {
    /// Where the TLS object has come to.
    public enum Status: Sendable {
        /// As before: the handshake goes on, or has long been over.
        case unchanged
        /// The handshake has just been completed.
        case established(TLSFacts)
        /// The object is of no more use. What ciphertext there is (an alert) is still to be sent.
        case failed(String)
    }

    /// For the peer.
    public var ciphertext: [UInt8]
    /// Plaintext, one entry for each record.
    public var records: [[UInt8]]
    /// Where the object has come to.
    public var status: Status

    /// Output; by default there is none.
    public init(ciphertext: [UInt8] = [], records: [[UInt8]] = [], status: Status = .unchanged) {
        self.ciphertext = ciphertext
        self.records = records
        self.status = status
    }
}

/// What a completed TLS handshake has shown.
public struct TLSFacts: Sendable, Equatable {
    /// RFC 5705 export, label `EXPORTER-OpenVPN-datakeys`, 256 bytes. A secret.
    public var dataKeyMaterial: [UInt8]
    /// RFC 5705 export, label `EXPORTER-OpenVPN-dynamic-tls-crypt`, 256 bytes. A secret.
    public var dynamicWrapMaterial: [UInt8]
    /// The peer's leaf certificate in DER, its chain verified.
    public var peerCertificate: [UInt8]
    /// Such as "TLSv1.3".
    public var version: String

    /// Facts of one handshake.
    public init(
        dataKeyMaterial: [UInt8], dynamicWrapMaterial: [UInt8], peerCertificate: [UInt8], version: String
    ) {
        self.dataKeyMaterial = dataKeyMaterial
        self.dynamicWrapMaterial = dynamicWrapMaterial
        self.peerCertificate = peerCertificate
        self.version = version
    }

    static let materialBytes = KeyMaterial.byteCount
}

/// Which of a session's logins a decision answers. Key ids come round again, so that an answer to an exchange that was
/// given up could be taken for one to its successor; numbers do not.
public struct LoginTicket: Hashable, Sendable {
    /// The key id that is being agreed on.
    public let keyID: KeyID
    /// Counts the session's key exchanges.
    let exchange: UInt32
}

/// What a client showed and said when it asked to come in, or renegotiated.
public struct LoginRequest: Sendable {
    /// True where a live session renegotiates its keys.
    public let isRenegotiation: Bool
    /// The client's leaf certificate in DER, its chain verified; its dates are not.
    public let certificate: [UInt8]
    /// User name and password (or token), each at most 4,096 bytes and empty where the client sent none. A secret.
    public let credentials: Credentials
    /// What the client says of itself: sanitised, yet only a claim.
    public let peerInfo: PeerInfo

    /// A request as the session puts it.
    public init(
        isRenegotiation: Bool, certificate: [UInt8], credentials: Credentials, peerInfo: PeerInfo
    ) {
        self.isRenegotiation = isRenegotiation
        self.certificate = certificate
        self.credentials = credentials
        self.peerInfo = peerInfo
    }
}

/// The answer to a login.
public enum LoginDecision: Sendable {
    case admit(Grant)
    case refuse(Refusal)
}
