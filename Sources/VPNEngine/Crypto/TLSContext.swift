internal import COpenSSL

/// What all TLS objects of one side share: versions, ciphers, own certificate, trusted authorities.
///
/// The settings are fixed: TLS 1.2 or later, forward-secret authenticated ciphers, X25519 and P-256, no tickets, no
/// resumption, no renegotiation, no compression. Changing certificates means making a new context; objects made from an
/// old one keep it alive.
///
/// Sendable: OpenSSL's context is reference counted and not written to after `init`; threads make objects from it at
/// the same time.
@safe
public class TLSContext: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Ciphers of TLS 1.2: ephemeral keys and AEAD only. Those of TLS 1.3 are OpenSSL's defaults, which all are.
    private static let tls12Ciphers = """
        ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:\
        ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:\
        ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256
        """
    /// Longest chain accepted: certificates between leaf and root.
    private static let maximumIntermediates: CInt = 4
    /// Largest certificate message accepted, in bytes.
    private static let maximumCertificateMessageBytes = 32 * 1024

    fileprivate init(
        method: OpaquePointer?, credentials: TLSCredentials, purpose: CInt, versions: ClosedRange<TLSVersion>
    ) throws(CryptographyError) {
        OpenSSLErrors.clear()
        guard let context = unsafe SSL_CTX_new(method) else { throw .library("no memory for a TLS context") }
        unsafe pointer = context
        try configure(versions)
        try trust(credentials.authorities)
        unsafe SSL_CTX_set_verify_depth(context, Self.maximumIntermediates)
        guard unsafe SSL_CTX_set_purpose(context, purpose) == 1 else {
            throw .library("OpenSSL refused the purpose of a TLS context")
        }
        if !credentials.chain.isEmpty {
            try present(credentials)
        }
    }

    deinit {
        unsafe SSL_CTX_free(pointer)
    }

    private func configure(_ versions: ClosedRange<TLSVersion>) throws(CryptographyError) {
        unsafe copenssl_set_strict_options(pointer)
        unsafe copenssl_set_session_cache_off(pointer)
        unsafe copenssl_set_modes(pointer)
        unsafe copenssl_set_max_certificate_bytes(pointer, Self.maximumCertificateMessageBytes)
        unsafe SSL_CTX_set_security_level(pointer, 2)
        guard
            unsafe SSL_CTX_set_num_tickets(pointer, 0) == 1,
            unsafe copenssl_set_min_version(pointer, versions.lowerBound.number) == 1,
            unsafe copenssl_set_max_version(pointer, versions.upperBound.number) == 1,
            unsafe SSL_CTX_set_cipher_list(pointer, Self.tls12Ciphers) == 1,
            unsafe copenssl_set_groups(pointer, "X25519:P-256") == 1
        else {
            throw CryptographyError(
                .unsupportedSetting, "this OpenSSL lacks TLS settings that are needed: \(OpenSSLErrors.drain())")
        }
    }

    /// Fills the store of trusted certificates from `authorities` alone; the system's own are never used.
    private func trust(_ authorities: [[UInt8]]) throws(CryptographyError) {
        guard !authorities.isEmpty else {
            throw CryptographyError(.invalidCertificate, "no certificate authority was given to verify the peer with")
        }
        guard let store = unsafe SSL_CTX_get_cert_store(pointer) else { throw .library("a TLS context has no store") }
        for authority in authorities {
            _ = try OpenSSLCertificate.parse(authority, what: "the certificate authority") {
                certificate throws(CryptographyError) in
                guard unsafe X509_STORE_add_cert(store, certificate.pointer) == 1 else {
                    throw .library("OpenSSL refused a certificate authority")
                }
                guard unsafe SSL_CTX_add_client_CA(pointer, certificate.pointer) == 1 else {
                    throw .library("OpenSSL refused the name of a certificate authority")
                }
            }
        }
    }

    /// Sets own certificate, intermediates and key.
    private func present(_ credentials: TLSCredentials) throws(CryptographyError) {
        var haveLeaf = false
        for blob in credentials.chain {
            _ = try OpenSSLCertificate.parse(blob, what: "the certificate") {
                certificate throws(CryptographyError) in
                let done =
                    unsafe haveLeaf
                    ? copenssl_add_chain_certificate(pointer, certificate.pointer)
                    : SSL_CTX_use_certificate(pointer, certificate.pointer)
                guard done == 1 else { throw .library("OpenSSL refused the certificate") }
                haveLeaf = true
            }
        }
        let key = try OpenSSLPrivateKey(credentials.privateKey)
        let used = unsafe SSL_CTX_use_PrivateKey(pointer, key.pointer)
        guard used == 1, unsafe SSL_CTX_check_private_key(pointer) == 1 else {
            OpenSSLErrors.clear()
            throw CryptographyError(.keyMismatch, "the private key does not belong to the certificate")
        }
    }
}

/// The server's side: asks every client for a certificate and ends the handshake without a good one.
///
/// Good is a certificate that chains to one of the authorities and may be used by a TLS client. The validity dates of
/// the leaf, and only those, are left to the caller, who reads them from ``TLSObject/peerCertificateDER`` with the clock
/// that the rest of the system goes by.
public final class TLSServerContext: TLSContext, @unchecked Sendable {
    /// - Parameters:
    ///   - credentials: Authorities of the clients; own chain and key.
    ///   - versions: Versions offered, TLS 1.2 and 1.3 by default.
    /// - Throws: ``CryptographyError`` that names the part that does not parse or fit.
    public init(
        _ credentials: TLSCredentials, versions: ClosedRange<TLSVersion> = .tls12 ... .tls13
    ) throws(CryptographyError) {
        guard !credentials.chain.isEmpty else {
            throw CryptographyError(.invalidCertificate, "a server needs a certificate and its private key")
        }
        unsafe try super.init(
            method: unsafe TLS_server_method(), credentials: credentials, purpose: X509_PURPOSE_SSL_CLIENT,
            versions: versions)
        unsafe SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verifyAllButLeafDates)
    }
}

/// The client's side: verifies that the server's certificate chains to an authority, is in date and may be used by a TLS
/// server.
public final class TLSClientContext: TLSContext, @unchecked Sendable {
    /// - Parameters:
    ///   - credentials: Authorities of the server; own chain and key, or none.
    ///   - versions: Versions offered, TLS 1.2 and 1.3 by default.
    /// - Throws: ``CryptographyError`` that names the part that does not parse or fit.
    public init(
        _ credentials: TLSCredentials, versions: ClosedRange<TLSVersion> = .tls12 ... .tls13
    ) throws(CryptographyError) {
        unsafe try super.init(
            method: unsafe TLS_client_method(), credentials: credentials, purpose: X509_PURPOSE_SSL_SERVER,
            versions: versions)
        unsafe SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
    }
}

/// Lets a leaf pass whose dates are not right; every other fault of the chain stands.
///
/// OpenSSL calls it once for each fault, so that letting one pass hides no other.
private func verifyAllButLeafDates(_ good: CInt, _ store: OpaquePointer?) -> CInt {
    if good == 1 { return 1 }
    guard let store = unsafe store, unsafe X509_STORE_CTX_get_error_depth(store) == 0 else { return 0 }
    switch unsafe X509_STORE_CTX_get_error(store) {
    case X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID:
        unsafe X509_STORE_CTX_set_error(store, X509_V_OK)
        return 1
    default:
        return 0
    }
}
