internal import Crypto
internal import CryptoExtras
public import VPNFormats

/// The primitives that formats and protocol ask for, made of swift-crypto, for tests and fuzzing.
public struct TestCryptography: FormatCryptography {
    /// Has no state.
    public init() {}

    /// HMAC with SHA-256.
    public func hmacSHA256(key: [UInt8], message: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: key)))
    }

    /// AES-256 in counter mode.
    public func aes256CTR(key: [UInt8], iv: [UInt8], data: [UInt8]) -> [UInt8] {
        guard !data.isEmpty else { return [] }
        do {
            let nonce = try AES._CTR.Nonce(nonceBytes: iv)
            return Array(try AES._CTR.encrypt(data, using: SymmetricKey(data: key), nonce: nonce))
        } catch {
            preconditionFailure("AES-256-CTR was called with a key or counter block of a wrong size")
        }
    }
}
