internal import COpenSSL

/// Where a TLS object stands.
public enum TLSState: Sendable, Hashable {
    /// The handshake needs more bytes of the peer, or has not begun.
    case handshaking
    /// The handshake is done and the peer verified; messages may be read and written.
    case established
    /// It ended for a reason. An alert for the peer may wait in ``TLSObject/drainCiphertext(max:)``.
    case failed(TLSFailure)
    /// One of both sides said goodbye.
    case closed
}

/// Why a TLS object ended.
public struct TLSFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of a failure. New kinds may appear in minor releases.
    public struct Code: Hashable, Sendable {
        private enum Kind: Hashable { case noCertificate, certificate, alert, peer, limit, library }
        private let kind: Kind
        private init(_ kind: Kind) { self.kind = kind }

        /// The client sent no certificate.
        public static let missingCertificate = Code(.noCertificate)
        /// The peer's certificate was not accepted.
        public static let untrustedCertificate = Code(.certificate)
        /// The peer ended the connection with an alert.
        public static let alertReceived = Code(.alert)
        /// The peer broke the protocol, or both sides share no version or cipher.
        public static let protocolViolation = Code(.peer)
        /// More bytes waited to be read or sent than are allowed.
        public static let limitExceeded = Code(.limit)
        /// OpenSSL failed for a reason of its own.
        public static let library = Code(.library)
    }

    /// What kind of failure this is.
    public let code: Code
    /// The reason in one line, from fixed texts alone: no bytes of the peer, no secrets.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }

    /// The failure that the thread's error queue and the result of verifying tell of. Empties the queue.
    static func current(verifyResult: CLong) -> TLSFailure {
        let first = ERR_peek_error()
        let reason = copenssl_error_reason(first)
        let text = OpenSSLErrors.drain()
        if reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE {
            return TLSFailure(.missingCertificate, "the client sent no certificate")
        }
        if reason == SSL_R_CERTIFICATE_VERIFY_FAILED || verifyResult != CLong(X509_V_OK) {
            let detail = unsafe X509_verify_cert_error_string(verifyResult).map { unsafe String(cString: $0) }
            return TLSFailure(.untrustedCertificate, "the peer's certificate was refused: \(detail ?? text)")
        }
        // OpenSSL maps an alert that it receives to the reason 1000 + the alert's number.
        if reason >= SSL_AD_REASON_OFFSET {
            return TLSFailure(.alertReceived, "the peer ended the connection: \(text)")
        }
        return TLSFailure(.protocolViolation, text.isEmpty ? "the peer broke the TLS protocol" : "TLS failed: \(text)")
    }
}
