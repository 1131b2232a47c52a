public import VPNFormats

/// What a client logs in with. Empty texts mean that it gave none.
public struct Credentials: Hashable, Sendable, SecretMaterial {
    /// Longer names and passwords are not taken, in bytes.
    public static let maximumBytes = 4_096

    /// The user's name.
    public let username: String
    /// The password, or an auth token.
    public let password: String

    /// Makes credentials of their parts.
    public init(username: String, password: String) {
        self.username = username
        self.password = password
    }
}

/// The first message of a client on every key id (key method 2; OpenVPN protocol, `ssl.c`).
///
/// ```
/// 0 (4) | 2 (1) | pre-master (48) | random (32) | random (32) | options | user name | password | peer info
/// ```
public struct ClientKeyMessage: Hashable, Sendable, SecretMaterial {
    /// The size of the pre-master secret, in bytes.
    public static let preMasterBytes = 48

    /// Why credentials could not be taken from a message that is otherwise right. The client is to be told.
    public enum CredentialProblem: Error, Hashable, Sendable {
        /// Name or password is longer than ``Credentials/maximumBytes``.
        case tooLong
        /// Name or password is not valid UTF-8, or has control characters.
        case notText
    }

    /// The client's secret; 48 bytes.
    public let preMaster: [UInt8]
    /// The client's random bytes.
    public let random: KeyExchangeRandom
    /// What the client is configured for.
    public let options: OCCOptions
    /// What it logs in with, or why that cannot be read.
    public let credentials: Result<Credentials, CredentialProblem>
    /// What it tells of itself.
    public let peerInfo: PeerInfo

    /// Makes a message of its parts.
    ///
    /// - Returns: `nil` unless the pre-master secret has 48 bytes and the credentials are within their limits.
    public init?(
        preMaster: [UInt8], random: KeyExchangeRandom, options: OCCOptions, credentials: Credentials,
        peerInfo: PeerInfo
    ) {
        guard preMaster.count == Self.preMasterBytes, credentials.username.utf8.count <= Credentials.maximumBytes,
            credentials.password.utf8.count <= Credentials.maximumBytes
        else { return nil }
        self.preMaster = preMaster
        self.random = random
        self.options = options
        self.credentials = .success(credentials)
        self.peerInfo = peerInfo
    }

    /// Reads a message. Peer info may be missing, empty texts may have length 0 or 1.
    ///
    /// - Parameter bytes: The plain text of one TLS record; anything may come in here.
    /// - Throws: ``KeyExchangeError``. Bad credentials do not throw: see ``credentials``.
    public init(bytes: some Collection<UInt8>) throws(KeyExchangeError) {
        var reader = ByteReader(Array(bytes.prefix(KeyMethod2.maximumBytes + 1)))
        try KeyMethod2.readBeginning(&reader)
        guard let preMaster = reader.readBytes(Self.preMasterBytes) else { throw .truncated }
        self.preMaster = Array(preMaster)
        random = try KeyExchangeRandom(from: &reader)
        options = try KeyMethod2.readOptions(&reader)
        let username = reader.isAtEnd ? [] : try KeyMethod2.readText(&reader)
        let password = reader.isAtEnd ? [] : try KeyMethod2.readText(&reader)
        credentials = Self.credentials(username, password)
        peerInfo = try KeyMethod2.readPeerInfo(&reader)
    }

    /// The message as plain text of one TLS record. Credentials that could not be read are left out.
    public var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 1_024)
        KeyMethod2.begin(&writer)
        writer.write(preMaster)
        writer.write(random.first)
        writer.write(random.second)
        KeyMethod2.write(options.text.utf8, to: &writer)
        let known = try? credentials.get()
        KeyMethod2.write((known?.username ?? "").utf8, to: &writer)
        KeyMethod2.write((known?.password ?? "").utf8, to: &writer)
        KeyMethod2.write(peerInfo.text.utf8, to: &writer)
        return writer.bytes
    }

    private static func credentials(
        _ username: ArraySlice<UInt8>, _ password: ArraySlice<UInt8>
    ) -> Result<Credentials, CredentialProblem> {
        guard username.count <= Credentials.maximumBytes, password.count <= Credentials.maximumBytes else {
            return .failure(.tooLong)
        }
        guard let name = text(username), let secret = text(password) else { return .failure(.notText) }
        return .success(Credentials(username: name, password: secret))
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String? {
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
