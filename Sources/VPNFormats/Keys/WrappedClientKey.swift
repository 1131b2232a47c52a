/// A tls-crypt-v2 client key that only the server can open (WKc; OpenVPN protocol, `tls_crypt.c`).
///
/// ```
/// tag (32) | AES-256-CTR( client key (256) | metadata ) | length of all (2)
/// tag = HMAC-SHA256( length | client key | metadata ), its first 16 bytes are the initial counter block
/// ```
public enum WrappedClientKey {
    /// The bytes of a wrapped key without metadata.
    public static let minimumBytes = 32 + StaticKey.byteCount + 2
    /// The most bytes that a wrapped key may have.
    public static let maximumBytes = 1_024
    private static let tagBytes = 32

    /// What a wrapped key held.
    public struct Opened: Hashable, Sendable {
        /// The client's key.
        public let key: StaticKey
        /// What stood beside it, if anything did.
        public let metadata: ClientKeyMetadata?
    }

    /// Wraps a client's key.
    ///
    /// - Throws: ``FormatError`` with `tooLong` if the metadata has more than
    ///   ``ClientKeyMetadata/maximumBytes`` bytes.
    public static func seal(
        key: StaticKey, metadata: ClientKeyMetadata?, serverKey: TLSCryptV2ServerKey, crypto: some FormatCryptography
    ) throws(FormatError) -> [UInt8] {
        let content = metadata?.bytes ?? []
        guard content.count <= ClientKeyMetadata.maximumBytes else {
            throw FormatError(
                .tooLong, "metadata of a client key has at most \(ClientKeyMetadata.maximumBytes) bytes")
        }
        let total = minimumBytes + content.count
        let length = [UInt8(total >> 8), UInt8(total & 255)]
        let plain = key.bytes + content
        let tag = crypto.hmacSHA256(key: serverKey.authentication, message: length + plain)
        let sealed = crypto.aes256CTR(key: serverKey.encryption, iv: Array(tag.prefix(16)), data: plain)
        return tag + sealed + length
    }

    /// Opens a wrapped key that stands alone.
    ///
    /// - Parameter bytes: The wrapped key, its length at the end; anything may come in here.
    /// - Throws: ``FormatError`` with `length` if it cannot be a wrapped key, `authentication` if another server
    ///   wrapped it or it was changed.
    public static func open(
        _ bytes: some Collection<UInt8>, serverKey: TLSCryptV2ServerKey, crypto: some FormatCryptography
    ) throws(FormatError) -> Opened {
        guard isPlausible(bytes) else {
            throw FormatError(.length, "the wrapped client key's length does not match the length that it states")
        }
        let bytes = Array(bytes)
        let tag = Array(bytes.prefix(tagBytes))
        let sealed = Array(bytes[tagBytes..<bytes.count - 2])
        let plain = crypto.aes256CTR(key: serverKey.encryption, iv: Array(tag.prefix(16)), data: sealed)
        let expected = crypto.hmacSHA256(key: serverKey.authentication, message: bytes.suffix(2) + plain)
        guard plain.count == sealed.count, constantTimeEquals(tag, expected) else {
            throw FormatError(.authentication, "the client key was wrapped with another server key, or was changed")
        }
        return Opened(
            key: try StaticKey(bytes: Array(plain.prefix(StaticKey.byteCount))),
            metadata: ClientKeyMetadata(bytes: plain.dropFirst(StaticKey.byteCount)))
    }

    /// The length that the last two of these bytes state, if a wrapped key of that length can end here.
    ///
    /// Checked before any arithmetic on it: at least ``minimumBytes``, at most ``maximumBytes``, and not longer than
    /// what is there.
    public static func statedLength(endOf bytes: some Collection<UInt8>) -> Int? {
        guard bytes.count >= minimumBytes else { return nil }
        let stated = bytes.suffix(2).reduce(0) { $0 << 8 | Int($1) }
        guard stated >= minimumBytes, stated <= maximumBytes, stated <= bytes.count else { return nil }
        return stated
    }

    static func isPlausible(_ bytes: some Collection<UInt8>) -> Bool {
        statedLength(endOf: bytes) == bytes.count
    }
}
