/// The two primitives that the wrapped-key and token formats need, passed in so that the formats depend on no library.
///
/// Implementations are pure functions of their arguments and may be called from any thread.
public protocol FormatCryptography: Sendable {
    /// HMAC with SHA-256 (RFC 2104).
    ///
    /// - Returns: 32 bytes.
    func hmacSHA256(key: [UInt8], message: [UInt8]) -> [UInt8]

    /// AES-256 in counter mode; encrypting and decrypting are the same operation.
    ///
    /// - Parameters:
    ///   - key: 32 bytes.
    ///   - iv: 16 bytes, the first counter block; the whole block counts up, big-endian.
    ///   - data: Any number of bytes.
    /// - Returns: As many bytes as `data` has.
    func aes256CTR(key: [UInt8], iv: [UInt8], data: [UInt8]) -> [UInt8]
}
