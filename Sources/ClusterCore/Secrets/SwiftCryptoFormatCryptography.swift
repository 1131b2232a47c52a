import Crypto
import CryptoExtras
public import VPNFormats

/// HMAC-SHA256 and AES-256-CTR of swift-crypto for the formats of ``VPNFormats``.
public struct SwiftCryptoFormatCryptography: FormatCryptography {
    /// Makes the value; it has no state.
    public init() {}

    /// HMAC-SHA256 (RFC 2104) of a message.
    public func hmacSHA256(key: [UInt8], message: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: key)))
    }

    /// AES-256 in counter mode over the whole 16-byte counter block.
    ///
    /// The sizes of key and counter are the caller's to keep: other sizes are a mistake in the program and stop it.
    public func aes256CTR(key: [UInt8], iv: [UInt8], data: [UInt8]) -> [UInt8] {
        precondition(key.count == 32 && iv.count == 16, "AES-256-CTR takes a key of 32 bytes and a block of 16")
        guard !data.isEmpty else { return [] }
        do {
            let nonce = try AES._CTR.Nonce(nonceBytes: iv)
            return Array(try AES._CTR.encrypt(data, using: SymmetricKey(data: key), nonce: nonce))
        } catch {
            // Invariant: the sizes were checked above, and nothing else makes it fail.
            // Invariant: the sizes were checked above, and AES-256-CTR fails for no others.
            preconditionFailure("AES-256-CTR cannot fail for a key of 32 bytes and a block of 16")
        }
    }
}
