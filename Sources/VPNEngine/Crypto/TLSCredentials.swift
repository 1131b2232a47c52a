internal import COpenSSL

/// The lowest and highest version of TLS that a context speaks.
public enum TLSVersion: Sendable, Hashable, Comparable, CaseIterable, CustomStringConvertible {
    /// TLS 1.2, RFC 5246.
    case tls12
    /// TLS 1.3, RFC 8446.
    case tls13

    /// `TLSv1.2` or `TLSv1.3`.
    public var description: String {
        switch self {
        case .tls12: "TLSv1.2"
        case .tls13: "TLSv1.3"
        }
    }

    var number: CInt {
        switch self {
        case .tls12: TLS1_2_VERSION
        case .tls13: TLS1_3_VERSION
        }
    }

    init?(number: CInt) {
        switch number {
        case TLS1_2_VERSION: self = .tls12
        case TLS1_3_VERSION: self = .tls13
        default: return nil
        }
    }
}

/// Certificates and a key as bytes: what a TLS context is made from. Nothing is ever read from a file.
public struct TLSCredentials: Sendable {
    /// Certificate authorities that the other side's chain must end in. Each element is one DER certificate or a PEM
    /// text with one or more.
    public var authorities: [[UInt8]]
    /// Own certificate, leaf first, then the intermediates to send. Each element is DER or PEM. Empty: none, which only a
    /// client can do without.
    public var chain: [[UInt8]]
    /// Own private key: PEM, or DER (PKCS#8 or SEC 1), not encrypted. Empty where `chain` is.
    public var privateKey: [UInt8]

    /// Makes credentials. Nothing is parsed yet.
    public init(authorities: [[UInt8]], chain: [[UInt8]], privateKey: [UInt8]) {
        self.authorities = authorities
        self.chain = chain
        self.privateKey = privateKey
    }
}

/// One X.509 certificate of OpenSSL's, freed with its owner.
@safe
struct OpenSSLCertificate: ~Copyable {
    let pointer: OpaquePointer

    init(owning pointer: OpaquePointer) {
        unsafe self.pointer = pointer
    }

    deinit {
        unsafe X509_free(pointer)
    }

    /// Largest certificate that is read or handed out, in bytes.
    static let maximumBytes = 64 * 1024

    /// Calls `body` with each certificate of `blob`.
    ///
    /// - Returns: How many there were.
    static func parse(
        _ blob: [UInt8], what: String, _ body: (borrowing OpenSSLCertificate) throws(CryptographyError) -> Void
    ) throws(CryptographyError) -> Int {
        if blob.starts(with: [0x30]) {
            try body(try parseDER(blob, what: what))
            return 1
        }
        guard let bio = unsafe MemoryBIO.readOnly(blob) else { throw .library("no memory for a certificate") }
        defer { unsafe BIO_free(bio) }
        var count = 0
        while let pointer = unsafe copenssl_read_certificate_pem(bio) {
            unsafe try body(OpenSSLCertificate(owning: pointer))
            count += 1
        }
        OpenSSLErrors.clear()
        guard count > 0 else {
            throw CryptographyError(.invalidCertificate, "\(what) is neither a DER certificate nor PEM text with one")
        }
        return count
    }

    private static func parseDER(_ blob: [UInt8], what: String) throws(CryptographyError) -> OpenSSLCertificate {
        var consumed = 0
        let pointer = unsafe blob.withUnsafeBufferPointer { buffer -> OpaquePointer? in
            guard let start = buffer.baseAddress else { return nil }
            var position: UnsafePointer<UInt8>? = unsafe start
            let pointer = unsafe d2i_X509(nil, &position, buffer.count)
            if let position = unsafe position { consumed = unsafe position - start }
            return unsafe pointer
        }
        OpenSSLErrors.clear()
        guard let pointer = unsafe pointer else {
            throw CryptographyError(.invalidCertificate, "\(what) does not parse as a DER certificate")
        }
        let certificate = unsafe OpenSSLCertificate(owning: pointer)
        guard consumed == blob.count else {
            throw CryptographyError(.invalidCertificate, "\(what) has bytes behind the DER certificate")
        }
        return certificate
    }

    /// The certificate's DER bytes; nil if it is larger than 64 KiB.
    borrowing func der() -> [UInt8]? {
        let length = Int(unsafe i2d_X509(pointer, nil))
        guard length > 0, length <= Self.maximumBytes else {
            OpenSSLErrors.clear()
            return nil
        }
        return unsafe [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            var position = buffer.baseAddress
            count = unsafe Int(max(0, i2d_X509(pointer, &position)))
        }
    }
}

/// Memory BIOs.
enum MemoryBIO {
    /// A BIO over a private copy of `bytes`; nil when memory runs out or there is more than 2 GiB.
    static func readOnly(_ bytes: [UInt8]) -> OpaquePointer? {
        guard bytes.count <= Int(CInt.max), let bio = unsafe copenssl_bio_memory() else { return nil }
        let written = unsafe bytes.withUnsafeBufferPointer { unsafe BIO_write(bio, $0.baseAddress, CInt($0.count)) }
        guard Int(written) == bytes.count || bytes.isEmpty else {
            unsafe BIO_free(bio)
            return nil
        }
        return unsafe bio
    }
}

/// A private key of OpenSSL's, freed with its owner (which overwrites it).
@safe
struct OpenSSLPrivateKey: ~Copyable {
    let pointer: OpaquePointer

    /// - Throws: ``CryptographyError`` `.invalidKey`. The text never quotes the key.
    init(_ blob: [UInt8]) throws(CryptographyError) {
        let parsed: OpaquePointer?
        if blob.starts(with: [0x30]) {
            unsafe parsed = unsafe blob.withUnsafeBufferPointer { buffer in
                var position = buffer.baseAddress
                return unsafe d2i_AutoPrivateKey(nil, &position, buffer.count)
            }
        } else {
            guard let bio = unsafe BIO_new(BIO_s_secmem()) else { throw .library("no memory for a private key") }
            defer { unsafe BIO_free(bio) }
            let length = CInt(clamping: blob.count)
            _ = unsafe blob.withUnsafeBufferPointer { unsafe BIO_write(bio, $0.baseAddress, length) }
            unsafe parsed = unsafe copenssl_read_private_key_pem(bio)
        }
        OpenSSLErrors.clear()
        guard let parsed = unsafe parsed else {
            throw CryptographyError(
                .invalidKey, "the private key does not parse; it must be unencrypted PEM or DER (PKCS#8)")
        }
        unsafe pointer = parsed
    }

    deinit {
        unsafe EVP_PKEY_free(pointer)
    }
}
