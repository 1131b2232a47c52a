/// A certificate or key that could not be made or read.
///
/// Messages never hold key material.
public struct PKIError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What went wrong. New codes may appear in minor releases.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// A stable word for logs and tests.
        public let description: String
        /// A name that a certificate cannot carry.
        public static let badName = Code(description: "bad-name")
        /// Dates that no certificate may have.
        public static let badValidity = Code(description: "bad-validity")
        /// A key that cannot be read, or is not a P-256 key.
        public static let badKey = Code(description: "bad-key")
        /// A certificate that cannot be read or is not what was expected.
        public static let badCertificate = Code(description: "bad-certificate")
        /// The library failed to sign or encode.
        public static let cryptography = Code(description: "cryptography")
    }

    /// What went wrong.
    public var code: Code
    /// What is wrong and how to mend it, for a person.
    public var message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
