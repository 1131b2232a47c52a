public import VPNFormats

/// Which end of a connection is meant, where the two use different halves of a key.
public enum Role: UInt8, Hashable, Sendable, CaseIterable {
    /// The end that waits for connections.
    case server
    /// The end that connects.
    case client
}

/// tls-crypt: encrypts and authenticates control packets under a key that both ends have (OpenVPN protocol,
/// `tls_crypt.c`). Also used with the key of a tls-crypt-v2 client and with the one of dynamic tls-crypt.
///
/// ```
/// first byte (1) | session id (8) | id (4) | time (4) | tag (32) | AES-256-CTR( body )
/// tag = HMAC-SHA256( everything before it | body ), its first 16 bytes are the initial counter block
/// ```
///
/// Checking for replays is the caller's part, and comes after ``open(_:crypto:)``.
public struct ControlWrap: Hashable, Sendable {
    /// What wrapping adds to a body, first byte and session id included, in bytes.
    public static let overheadBytes = 49
    /// The shortest wrapped packet, in bytes.
    public static let minimumPacketBytes = overheadBytes + 1
    /// Longer packets are refused before anything is computed over them, in bytes; a wrapped client key does not count.
    public static let maximumPacketBytes = 2_048

    private static let headerBytes = 17
    private static let tagBytes = 32

    /// The key material.
    public let key: StaticKey
    /// Whose side this is.
    public let role: Role

    private let sealingKeys: HalfKeys
    private let openingKeys: HalfKeys

    private struct HalfKeys: Hashable, Sendable {
        let encryption: [UInt8]
        let authentication: [UInt8]

        init(_ key: StaticKey, half: Int) {
            encryption = Array(key.cipher(half).prefix(32))
            authentication = Array(key.hmac(half).prefix(32))
        }
    }

    /// Takes the halves of a key that a side uses: the server sends with half 0 and receives with half 1.
    public init(key: StaticKey, role: Role) {
        self.key = key
        self.role = role
        sealingKeys = HalfKeys(key, half: role == .server ? 0 : 1)
        openingKeys = HalfKeys(key, half: role == .server ? 1 : 0)
    }

    /// What a wrapped packet held.
    public struct Opened: Hashable, Sendable {
        /// The first byte.
        public let header: PacketHeader
        /// Whose packet it is.
        public let session: SessionID
        /// To be checked for replays.
        public let packetID: LongPacketID
        /// The body; see ``ControlBody``.
        public let body: [UInt8]
    }

    /// Wraps a body.
    ///
    /// - Parameters:
    ///   - header: The first byte.
    ///   - session: The sender's session id.
    ///   - packetID: Never used before with this key and role.
    ///   - body: The body's bytes.
    ///   - crypto: The primitives.
    /// - Returns: The packet.
    public func seal(
        header: PacketHeader, session: SessionID, packetID: LongPacketID, body: [UInt8],
        crypto: some FormatCryptography
    ) -> [UInt8] {
        seal(prefix: [header.firstByte] + session.bytes, packetID: packetID, body: body, crypto: crypto)
    }

    package func seal(
        prefix: [UInt8], packetID: LongPacketID, body: [UInt8], crypto: some FormatCryptography
    ) -> [UInt8] {
        var writer = ByteWriter(capacity: Self.overheadBytes + body.count)
        writer.write(prefix)
        writer.write(packetID.id)
        writer.write(packetID.time)
        let tag = crypto.hmacSHA256(key: sealingKeys.authentication, message: writer.bytes + body)
        writer.write(tag)
        writer.write(crypto.aes256CTR(key: sealingKeys.encryption, iv: Array(tag.prefix(16)), data: body))
        return writer.bytes
    }

    /// Unwraps a packet.
    ///
    /// - Parameters:
    ///   - packet: The packet without any wrapped client key at its end; anything may come in here.
    ///   - crypto: The primitives.
    /// - Returns: `nil` unless it is a control packet that the other side wrapped with this key.
    public func open(_ packet: some Collection<UInt8>, crypto: some FormatCryptography) -> Opened? {
        let count = packet.count
        guard count >= Self.minimumPacketBytes, count <= Self.maximumPacketBytes else { return nil }
        var reader = ByteReader(Array(packet))
        guard let first = reader.readUInt8(), let header = PacketHeader(firstByte: first), !header.opcode.isData,
            let session = reader.readSessionID(), let id = reader.readUInt32(), let time = reader.readUInt32(),
            let tag = reader.readBytes(Self.tagBytes)
        else { return nil }
        let sealed = Array(reader.readRest())
        let body = crypto.aes256CTR(key: openingKeys.encryption, iv: Array(tag.prefix(16)), data: sealed)
        let expected = crypto.hmacSHA256(
            key: openingKeys.authentication, message: Array(packet.prefix(Self.headerBytes)) + body)
        guard constantTimeEquals(tag, expected) else { return nil }
        return Opened(header: header, session: session, packetID: LongPacketID(id: id, time: time), body: body)
    }

    /// Separates a wrapped client key from the packet that it was appended to (opcodes 10 and 11).
    ///
    /// The length that the last two bytes state is checked before it is used: it has to be one of a wrapped key, and
    /// to leave at least a whole wrapped packet before it.
    ///
    /// - Returns: The packet alone and the wrapped key, or `nil` if there is none.
    public static func splitWrappedKey(
        from packet: ArraySlice<UInt8>
    ) -> (packet: ArraySlice<UInt8>, wrappedKey: ArraySlice<UInt8>)? {
        guard packet.count <= maximumPacketBytes + WrappedClientKey.maximumBytes,
            let length = WrappedClientKey.statedLength(endOf: packet), packet.count - length >= minimumPacketBytes
        else { return nil }
        return (packet.dropLast(length), packet.suffix(length))
    }
}

extension ControlWrap: SecretMaterial {}

extension ControlWrap: StateCodable {
    /// Writes key and role.
    public func encode(into writer: inout StateWriter) {
        writer.write(role.rawValue)
        writer.write(bytes: key.bytes)
    }

    /// Reads key and role.
    public init(from reader: inout StateReader) throws(StateError) {
        guard let role = Role(rawValue: try reader.read(UInt8.self)),
            let key = try? StaticKey(bytes: try reader.readBytes(maximum: StaticKey.byteCount))
        else { throw StateError.invalidValue }
        self.init(key: key, role: role)
    }
}
