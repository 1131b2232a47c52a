/// A secret that could not be read, sealed, opened or derived.
///
/// Messages name the place of a value and never hold any of its bytes.
public struct SecretsError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What went wrong. New codes may appear in minor releases.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// A stable word for logs and tests.
        public let description: String
        /// A key file or key has the wrong form.
        public static let malformedKey = Code(description: "malformed-key")
        /// A sealed value is too short, too long or of an unknown format.
        public static let malformedValue = Code(description: "malformed-value")
        /// A sealed value was made under another cluster key.
        public static let otherKey = Code(description: "other-key")
        /// A sealed value was changed, or belongs to another place, purpose or cluster.
        public static let notAuthentic = Code(description: "not-authentic")
        /// A value is longer than may be sealed.
        public static let tooLong = Code(description: "too-long")
        /// The cryptographic library refused.
        public static let cryptography = Code(description: "cryptography")
    }

    /// What went wrong.
    public var code: Code
    /// What went wrong and how to mend it, for a person.
    public var message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
