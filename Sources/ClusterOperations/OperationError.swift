/// What went wrong with an operator's command: what is wrong, and how to mend it, in one line.
///
/// The message is for the terminal: it names files and settings, and never a secret.
public struct OperationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. New codes may appear in minor releases.
    public struct Code: Hashable, Sendable {
        private enum Kind: Hashable, Sendable {
            case invalidArgument, badData, noSuchUser, notFound, unavailable, alreadyExists, cannotCreate
            case inputOutput, tryLater, notPermitted, configuration
        }
        private var kind: Kind

        /// A value that the caller gave is not usable as it stands.
        public static let invalidArgument = Code(kind: .invalidArgument)
        /// A file or row holds what it must not hold.
        public static let badData = Code(kind: .badData)
        /// No user of that name exists.
        public static let noSuchUser = Code(kind: .noSuchUser)
        /// What the command names does not exist.
        public static let notFound = Code(kind: .notFound)
        /// The database, or something else the command needs, cannot be reached.
        public static let unavailable = Code(kind: .unavailable)
        /// What is to be made exists already.
        public static let alreadyExists = Code(kind: .alreadyExists)
        /// A file or directory cannot be made.
        public static let cannotCreate = Code(kind: .cannotCreate)
        /// Reading or writing failed, for instance for want of space.
        public static let inputOutput = Code(kind: .inputOutput)
        /// Something else is at work at the moment; the same command may succeed later.
        public static let tryLater = Code(kind: .tryLater)
        /// A permission or capability is missing.
        public static let notPermitted = Code(kind: .notPermitted)
        /// The node is not set up, or set up wrongly.
        public static let configuration = Code(kind: .configuration)
    }

    /// The kind of failure.
    public var code: Code
    /// What is wrong and how to mend it, one line.
    public var message: String

    /// Makes an error.
    ///
    /// - Parameters:
    ///   - code: The kind of failure.
    ///   - message: What is wrong and how to mend it, one line, no secrets.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
