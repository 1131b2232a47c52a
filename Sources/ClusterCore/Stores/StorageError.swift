/// Why a store could not do what was asked.
///
/// Messages never quote values, so they may go into a log.
public struct StorageError: Error, Hashable, Sendable {
    /// The class of an error, the same on all backends. New ones may appear in minor releases.
    public struct Code: Hashable, Sendable {
        private enum Kind: Hashable {
            case conflict
            case constraint(String)
            case connectionLost, commitUnknown, readOnly, outOfSpace, schemaTooNew, schemaTooOld
            case permission, timeout, busy, foreign, corrupt, tampered, malformedRow, outdated, fenced, notFound
            case invalid, misuse, closed, unavailable, moving, failed
        }

        private var kind: Kind

        private init(_ kind: Kind) { self.kind = kind }

        /// The transaction clashed with another one; the whole of it may be run again.
        public static let conflict = Code(.conflict)
        /// A rule about several rows would be broken, named as the call states it, for instance `user.name`.
        public static func constraint(_ name: String) -> Code { Code(.constraint(name)) }
        /// The connection was lost before the commit was sent: nothing was written.
        public static let connectionLost = Code(.connectionLost)
        /// The commit was sent, no answer came back, and the store could not be reached to learn the outcome.
        public static let commitUnknown = Code(.commitUnknown)
        /// The store can be read only: the disk, the file or the server.
        public static let readOnly = Code(.readOnly)
        /// The disk or the quota is full.
        public static let outOfSpace = Code(.outOfSpace)
        /// The schema was written by a newer version of the program.
        public static let schemaTooNew = Code(.schemaTooNew)
        /// The schema was written by an older version of the program and has to be migrated first.
        public static let schemaTooOld = Code(.schemaTooOld)
        /// The operating system or the server does not permit it.
        public static let permission = Code(.permission)
        /// It took longer than it may.
        public static let timeout = Code(.timeout)
        /// Another process held the store for longer than one waits.
        public static let busy = Code(.busy)
        /// The database belongs to something else; nothing in it was touched.
        public static let foreign = Code(.foreign)
        /// The file is no database or a damaged one.
        public static let corrupt = Code(.corrupt)
        /// A row was not written by this cluster: its authentication code is wrong.
        public static let tampered = Code(.tampered)
        /// A column has a value of another type than it should, or one that the domain does not allow.
        public static let malformedRow = Code(.malformedRow)
        /// The row was written by someone else since it was read; read it again and decide again.
        public static let outdated = Code(.outdated)
        /// The node's epoch or generation is not the stored one: another process runs as this node, or it was removed.
        public static let fenced = Code(.fenced)
        /// The thing that was named is not there.
        public static let notFound = Code(.notFound)
        /// A value breaks the limits that its type states.
        public static let invalid = Code(.invalid)
        /// The program used the store in a way that is not allowed.
        public static let misuse = Code(.misuse)
        /// The backend was closed.
        public static let closed = Code(.closed)
        /// The database cannot be opened or reached.
        public static let unavailable = Code(.unavailable)
        /// The store is being moved elsewhere and takes no writes.
        public static let moving = Code(.moving)
        /// Anything else; the native code tells more.
        public static let failed = Code(.failed)

        /// The name of the rule when this is a ``constraint(_:)``.
        public var constraintName: String? {
            if case .constraint(let name) = kind { name } else { nil }
        }
    }

    /// The class.
    public var code: Code
    /// What is wrong, as one line without a final full stop.
    public var message: String
    /// How to mend it, as one line; empty where there is nothing to be done.
    public var advice: String
    /// The database's own code, for instance `SQLITE_FULL (13)`; empty when the error did not come from it.
    public var nativeCode: String

    /// Makes a storage error of its parts, which are explained at the properties.
    public init(_ code: Code, _ message: String, advice: String = "", nativeCode: String = "") {
        self.code = code
        self.message = message
        self.advice = advice
        self.nativeCode = nativeCode
    }
}

extension StorageError: CustomStringConvertible {
    /// Message, native code and advice in one line.
    public var description: String {
        let native = nativeCode.isEmpty ? "" : " [\(nativeCode)]"
        return message + native + (advice.isEmpty ? "" : "; \(advice)")
    }
}

extension StorageError.Code: CustomStringConvertible {
    /// The word for the code, for logs and tests.
    public var description: String { "\(kind)" }
}
