/// Why a text or a byte string is not what it was taken for.
///
/// The message tells a person what is wrong and how to mend it. It never quotes the input: that may be a secret.
public struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The class of a format error. New codes may appear in minor releases.
    public struct Code: Hashable, Sendable {
        private enum Kind: Hashable { case malformed, length, authentication, tooLong, outOfRange }
        private var kind: Kind

        /// The text or bytes do not follow the grammar of the format.
        public static let malformed = Code(kind: .malformed)
        /// The content has another length than the format asks for.
        public static let length = Code(kind: .length)
        /// The authentication code does not match: wrong key, or changed content.
        public static let authentication = Code(kind: .authentication)
        /// The input is larger than any valid one.
        public static let tooLong = Code(kind: .tooLong)
        /// A number lies outside of its range.
        public static let outOfRange = Code(kind: .outOfRange)
    }

    /// The class of the error, for decisions in code.
    public var code: Code
    /// What is wrong and how to mend it, for people.
    public var message: String

    /// Makes an error of a class with a message for people.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
