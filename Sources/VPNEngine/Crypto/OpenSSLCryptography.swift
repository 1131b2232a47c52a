internal import COpenSSL
internal import VPNFormats
public import VPNProtocol

/// The primitives that file formats, tokens and the control channel need, by OpenSSL 3.
///
/// Algorithms are fetched once for the process. A value of this type holds nothing and may be used from any thread.
public struct OpenSSLCryptography: KeyDerivationCryptography {
    /// Makes a value; the first one of the process fetches the algorithms.
    public init() {}

    /// HMAC with SHA-256 (RFC 2104, FIPS 180-4).
    ///
    /// - Returns: 32 bytes.
    public func hmacSHA256(key: [UInt8], message: [UInt8]) -> [UInt8] {
        guard let context = unsafe EVP_MAC_CTX_dup(FetchedAlgorithms.shared.hmacSHA256) else { outOfMemory() }
        defer { unsafe EVP_MAC_CTX_free(context) }
        // An empty array may have no address, and a null key means "keep the key": a placeholder keeps it a key.
        let placeholder: [UInt8] = [0]
        let initialised = unsafe (key.isEmpty ? placeholder : key).withUnsafeBufferPointer {
            unsafe EVP_MAC_init(context, $0.baseAddress, key.count, nil)
        }
        let updated = unsafe message.withUnsafeBufferPointer {
            unsafe $0.isEmpty ? 1 : EVP_MAC_update(context, $0.baseAddress, $0.count)
        }
        var written = 0
        let result = unsafe [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            let done = unsafe EVP_MAC_final(context, buffer.baseAddress, &written, 32)
            precondition(initialised == 1 && updated == 1 && done == 1 && written == 32, "HMAC-SHA256 failed")
            count = 32
        }
        return result
    }

    /// AES-256 in counter mode (NIST SP 800-38A); the same call encrypts and decrypts.
    ///
    /// - Parameters:
    ///   - key: 32 bytes.
    ///   - iv: 16 bytes, the first counter block.
    /// - Returns: As many bytes as `data` has.
    public func aes256CTR(key: [UInt8], iv: [UInt8], data: [UInt8]) -> [UInt8] {
        precondition(key.count == 32 && iv.count == 16, "AES-256-CTR takes a key of 32 and an IV of 16 bytes")
        guard !data.isEmpty else { return [] }
        guard data.count <= Int(CInt.max), let context = unsafe EVP_CIPHER_CTX_new() else { outOfMemory() }
        defer { unsafe EVP_CIPHER_CTX_free(context) }
        let started = unsafe key.withUnsafeBufferPointer { key in
            unsafe iv.withUnsafeBufferPointer { iv in
                unsafe EVP_EncryptInit_ex2(
                    context, FetchedAlgorithms.shared.aes256CTR, key.baseAddress, iv.baseAddress, nil)
            }
        }
        return unsafe [UInt8](unsafeUninitializedCapacity: data.count) { buffer, count in
            var written: CInt = 0
            let done = unsafe data.withUnsafeBufferPointer {
                unsafe EVP_EncryptUpdate(context, buffer.baseAddress, &written, $0.baseAddress, CInt($0.count))
            }
            precondition(started == 1 && done == 1 && Int(written) == data.count, "AES-256-CTR failed")
            count = data.count
        }
    }

    /// The TLS 1.0 PRF (RFC 2246 section 5: MD5 and SHA-1 combined), as the OpenVPN protocol's key method 2 uses it.
    ///
    /// - Parameters:
    ///   - secret: The secret; may be of odd length.
    ///   - seed: Label and seed, one after the other, the label without a terminating zero.
    ///   - count: Bytes wanted, at most 65,536.
    public func tls1PRF(secret: [UInt8], seed: [UInt8], count: Int) -> [UInt8] {
        precondition(
            (1...65_536).contains(count) && !secret.isEmpty, "TLS1-PRF takes a secret and gives 1...65536 bytes")
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            let done = unsafe secret.withUnsafeBufferPointer { secret in
                unsafe seed.withUnsafeBufferPointer { seed in
                    unsafe copenssl_tls1_prf(
                        secret.baseAddress, secret.count, seed.baseAddress, seed.count, buffer.baseAddress, count)
                }
            }
            // MD5 is missing only where an operator has switched the default provider off.
            precondition(done == 1, "OpenSSL cannot compute TLS1-PRF with MD5-SHA1: \(OpenSSLErrors.drain())")
            initialized = count
        }
    }
}

private func outOfMemory() -> Never {
    // Invariant: a context is a few hundred bytes; a process that cannot get them cannot go on either.
    preconditionFailure("OpenSSL could not allocate a context")
}

/// Algorithms fetched once: an implicit fetch for each call takes locks and costs more than the work itself.
@safe
struct FetchedAlgorithms: @unchecked Sendable {
    // OpenSSL's fetched algorithms are immutable and reference counted; the MAC context is a template that is only
    // ever duplicated, never initialised with a key.
    let hmacSHA256: OpaquePointer
    let aes256CTR: OpaquePointer
    let aes128GCM: OpaquePointer
    let aes256GCM: OpaquePointer
    let chaCha20Poly1305: OpaquePointer

    static let shared = FetchedAlgorithms()

    private init() {
        guard
            let hmac = unsafe copenssl_hmac_new("SHA256"),
            let ctr = unsafe EVP_CIPHER_fetch(nil, "AES-256-CTR", nil),
            let gcm128 = unsafe EVP_CIPHER_fetch(nil, "AES-128-GCM", nil),
            let gcm256 = unsafe EVP_CIPHER_fetch(nil, "AES-256-GCM", nil),
            let chaCha = unsafe EVP_CIPHER_fetch(nil, "ChaCha20-Poly1305", nil)
        else {
            // Invariant: OpenSSL's default provider has all of these; without one no session can exist.
            preconditionFailure("this OpenSSL lacks HMAC, AES or ChaCha20-Poly1305: \(OpenSSLErrors.drain())")
        }
        unsafe hmacSHA256 = hmac
        unsafe aes256CTR = ctr
        unsafe aes128GCM = gcm128
        unsafe aes256GCM = gcm256
        unsafe chaCha20Poly1305 = chaCha
    }
}
