internal import COpenSSL

/// A cryptographic operation that could not be done: a key or certificate that does not parse, a setting the library
/// refuses, memory that ran out.
///
/// The text names what is wrong and how to mend it. It never quotes key material.
public struct CryptographyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of a failure. New kinds may appear in minor releases.
    public struct Code: Hashable, Sendable {
        private enum Kind: Hashable { case key, certificate, mismatch, setting, library }
        private let kind: Kind
        private init(_ kind: Kind) { self.kind = kind }

        /// A private or symmetric key is unreadable, encrypted or has the wrong length.
        public static let invalidKey = Code(.key)
        /// A certificate is unreadable, or none was given.
        public static let invalidCertificate = Code(.certificate)
        /// The private key does not belong to the certificate.
        public static let keyMismatch = Code(.mismatch)
        /// A setting is not supported by the library in use.
        public static let unsupportedSetting = Code(.setting)
        /// The library failed for a reason of its own, such as lack of memory.
        public static let library = Code(.library)
    }

    /// What kind of failure this is.
    public let code: Code
    /// What is wrong and how to mend it, in one line.
    public let message: String

    /// Makes an error from its kind and its text.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }

    /// An error of the library itself, with the reasons that OpenSSL left in the thread's queue.
    static func library(_ action: String) -> CryptographyError {
        let reasons = OpenSSLErrors.drain()
        return CryptographyError(.library, reasons.isEmpty ? action : "\(action): \(reasons)")
    }
}

/// OpenSSL's error queue of the calling thread.
///
/// Every call that may fail is followed by a drain or a clear, so that no error of one session is ever taken for an
/// error of another that runs on the same thread.
enum OpenSSLErrors {
    /// Empties the queue and returns the distinct reasons, oldest first, at most four, joined by "; ".
    ///
    /// Only OpenSSL's fixed reason texts are used, never the data that it attaches to an error.
    static func drain() -> String {
        var reasons: [String] = []
        while true {
            let code = ERR_get_error()
            if code == 0 { break }
            guard reasons.count < 4, let text = unsafe ERR_reason_error_string(code) else { continue }
            let reason = unsafe String(cString: text)
            if !reasons.contains(reason) { reasons.append(reason) }
        }
        return reasons.joined(separator: "; ")
    }

    /// Empties the queue.
    static func clear() {
        ERR_clear_error()
    }
}
