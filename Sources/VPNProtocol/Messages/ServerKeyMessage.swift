public import VPNFormats

/// The answer of a server to ``ClientKeyMessage`` (key method 2; OpenVPN protocol, `ssl.c`).
///
/// ```
/// 0 (4) | 2 (1) | random (32) | random (32) | options | empty user name | empty password | peer info
/// ```
public struct ServerKeyMessage: Hashable, Sendable, SecretMaterial {
    /// The server's random bytes.
    public let random: KeyExchangeRandom
    /// What the client is to see as the server's options; see ``OCCOptions/mirrored()``.
    public let options: OCCOptions
    /// What the server tells of itself, ordinarily nothing.
    public let peerInfo: PeerInfo

    /// Makes a message of its parts.
    public init(random: KeyExchangeRandom, options: OCCOptions, peerInfo: PeerInfo = PeerInfo()) {
        self.random = random
        self.options = options
        self.peerInfo = peerInfo
    }

    /// Reads a message; whatever is missing behind the options may be missing.
    ///
    /// - Parameter bytes: The plain text of one TLS record; anything may come in here.
    /// - Throws: ``KeyExchangeError``.
    public init(bytes: some Collection<UInt8>) throws(KeyExchangeError) {
        var reader = ByteReader(Array(bytes.prefix(KeyMethod2.maximumBytes + 1)))
        try KeyMethod2.readBeginning(&reader)
        random = try KeyExchangeRandom(from: &reader)
        options = try KeyMethod2.readOptions(&reader)
        if !reader.isAtEnd { _ = try KeyMethod2.readText(&reader) }
        if !reader.isAtEnd { _ = try KeyMethod2.readText(&reader) }
        peerInfo = try KeyMethod2.readPeerInfo(&reader)
    }

    /// The message as plain text of one TLS record.
    public var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 512)
        KeyMethod2.begin(&writer)
        writer.write(random.first)
        writer.write(random.second)
        KeyMethod2.write(options.text.utf8, to: &writer)
        KeyMethod2.write([], to: &writer)
        KeyMethod2.write([], to: &writer)
        KeyMethod2.write(peerInfo.text.utf8, to: &writer)
        return writer.bytes
    }
}
