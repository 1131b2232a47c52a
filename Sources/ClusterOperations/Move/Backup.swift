public import ClusterCore

/// Writes the content of a store to one file, while nodes run: one consistent state, secrets sealed as they are in the
/// store. Needs memory for a page, whatever the size of the store.
public struct Backup: Sendable {
    /// How the cluster's key goes into the file.
    public enum KeyProtection: Sendable {
        /// Not at all: whoever restores needs a copy of `cluster.key`.
        case none
        /// Under a passphrase, at least ``Backup/passphraseMinimum`` characters long.
        case passphrase(String)
        /// Sealed to a recipient, whose private key opens it.
        case recipient(BackupRecipient)
    }

    /// What was written.
    public struct Outcome: Sendable, Hashable {
        /// How many bytes the file has.
        public var byteCount: Int
        /// How many rows.
        public var rows: Int
        /// The state of the configuration that it holds.
        public var revision: Revision
        /// Whether the cluster's key is in it.
        public var holdsKey: Bool
    }

    /// The fewest characters of a passphrase.
    public static let passphraseMinimum = 8

    private let session: OperatorSession
    private let settings: NodeSettings?
    private let cost: ScryptCost

    /// - Parameters:
    ///   - session: The store, and the cluster's key.
    ///   - settings: The settings of the node that makes the backup; they go into it without its database.
    ///   - cost: What trying a passphrase costs.
    public init(_ session: OperatorSession, settings: NodeSettings?, cost: ScryptCost = KeyEnvelope.standardCost) {
        self.session = session
        self.settings = settings
        self.cost = cost
    }

    /// Writes the file: under a temporary name first, mode 0600; it takes its name when it is whole and on disk.
    ///
    /// - Parameters:
    ///   - path: Where.
    ///   - protection: How the cluster's key goes into it.
    ///   - replacing: Whether a file that is there is replaced.
    ///   - report: Takes the progress.
    /// - Throws: `OperationError`: `alreadyExists`, `invalidArgument` for a passphrase that is too short; what the store
    ///   throws. No file, or the old one, is there then.
    public func write(
        to path: String, protection: KeyProtection, replacing: Bool = false,
        report: @escaping MoveProgress.Report = { _ in }
    ) async throws -> Outcome {
        try check(path, protection, replacing: replacing)
        let portable = try session.backend.portable()
        var random = SystemRandomNumberGenerator()
        let (name, tables) = ("\(random.next() as UInt32)", portable.content)
        let (outcome, output) = try await portable.readContent { reader in
            // From the beginning each time that the body is run.
            let output = try BackupOutput(path, name: name)
            var encoder = BackupEncoder()
            let header = try header(reader)
            try output.write(encoder.header(header))
            if let envelope = try envelope(header, protection) { try output.write(encoder.key(envelope)) }
            var rows = 0
            for table in tables {
                let total = try reader.rowCount(of: table)
                try output.write(encoder.table(table))
                var done = 0
                try reader.forEachPage(of: table) { page in
                    guard !page.rows.isEmpty else { return }
                    try output.write(encoder.rows(page.rows))
                    done += page.rows.count
                    report(MoveProgress(stage: .copying, table: table.name, rows: done, total: total))
                }
                rows += done
            }
            try output.write(encoder.end())
            let outcome = Outcome(
                byteCount: output.byteCount, rows: rows, revision: header.revision, holdsKey: protection.holdsKey)
            return (outcome, Handover(output))
        }
        try output.value.place()
        return outcome
    }

    private func check(_ path: String, _ protection: KeyProtection, replacing: Bool) throws {
        if case .passphrase(let passphrase) = protection {
            guard passphrase.count >= Self.passphraseMinimum,
                passphrase.utf8.count <= KeyEnvelope.passphraseByteLimit
            else {
                throw OperationError(
                    .invalidArgument,
                    "a passphrase has at least \(Self.passphraseMinimum) characters and at most "
                        + "\(KeyEnvelope.passphraseByteLimit) bytes")
            }
        }
        guard !path.isEmpty else { throw OperationError(.invalidArgument, "the name of the file to write is empty") }
        switch try FileFacts.read(path)?.kind {
        case .none: break
        case .regular where replacing: break
        case .regular:
            throw OperationError(.alreadyExists, "\(path) is there already; name another file, or give --replace")
        case .directory, .other:
            throw OperationError(.cannotCreate, "\(path) is no plain file; name one")
        }
    }

    private func header(_ reader: any ContentReader) throws -> BackupHeader {
        let state = try reader.state()
        guard state.phase != .importing, let cluster = try reader.config.cluster(), cluster.id == session.clusterID
        else {
            throw OperationError(.configuration, "the database does not hold this node's cluster")
        }
        var own = settings
        own?.databaseURL = nil
        return BackupHeader(
            cluster: cluster.id, revision: try reader.config.revision(), createdAt: try reader.now(),
            software: SoftwareVersion.current, keyID: session.key.id, nodeSettings: own?.fileText())
    }

    private func envelope(_ header: BackupHeader, _ protection: KeyProtection) throws -> KeyEnvelope? {
        var random = SystemRandomNumberGenerator()
        switch protection {
        case .none: return nil
        case .passphrase(let passphrase):
            return try KeyEnvelope(session.key, passphrase: passphrase, header: header, cost: cost, using: &random)
        case .recipient(let recipient):
            return try KeyEnvelope(session.key, recipient: recipient, header: header)
        }
    }
}

extension Backup.KeyProtection {
    /// Whether the key is in the file at all.
    var holdsKey: Bool {
        if case .none = self { false } else { true }
    }
}

/// Hands something that one thread uses at a time from the body of a transaction to its caller.
private struct Handover<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
