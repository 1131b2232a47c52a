/// Something in the store that could not be used; everything else works on without it.
public enum SnapshotProblem: Hashable, Sendable, CustomStringConvertible {
    /// A row was changed by someone without the cluster key, or does not have the values that it should.
    case rejectedRow(RejectedRow)
    /// A secret could not be opened.
    case unreadableSecret(purpose: String, id: SecretID, why: String)
    /// A certificate of the authority or server could not be used.
    case unusableCertificate(CertificateSerial, why: String)
    /// A stored setting is not valid; its default counts.
    case invalidSetting(SettingError)

    /// One line for the log.
    public var description: String {
        switch self {
        case .rejectedRow(let row): "\(row); it is ignored"
        case .unreadableSecret(let purpose, let id, let why): "secret \(id) (\(purpose)) is ignored: \(why)"
        case .unusableCertificate(let serial, let why): "certificate \(serial) is ignored: \(why)"
        case .invalidSetting(let error): "setting \(error); its default is used"
        }
    }
}

/// Why a snapshot could not be made: the node cannot serve from such a store.
public struct SnapshotError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is missing. New codes may appear in minor releases.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// A stable word for logs and tests.
        public let description: String
        /// The store has no cluster.
        public static let noCluster = Code(description: "no-cluster")
        /// There is no usable shared secret of some kind.
        public static let secretMissing = Code(description: "secret-missing")
        /// There is no usable certificate of the authority or of the server.
        public static let certificateMissing = Code(description: "certificate-missing")
        /// The store has more rows than a node holds in memory.
        public static let tooLarge = Code(description: "too-large")
    }

    /// What is missing.
    public var code: Code
    /// What is wrong and how to mend it.
    public var description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
