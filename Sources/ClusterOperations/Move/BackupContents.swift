public import ClusterCore
internal import VPNFormats

/// A backup file that was read to its end once and is whole.
public struct BackupContents: Sendable {
    /// One of its tables.
    struct Table: Sendable {
        var name: String
        var columns: [String]
        var rows: Int
    }

    /// The file.
    public let path: String
    /// What it says of itself.
    public let header: BackupHeader
    /// What opens the cluster's key that it holds; `nil` when it holds none.
    public var opener: KeyEnvelope.Opener? { envelope?.opener }
    /// How many rows it has.
    public let rows: Int
    let tables: [Table]
    /// Names the content: the first bytes of its checksum, as digits.
    let number: String
    private let envelope: KeyEnvelope?

    /// Reads a file to its end. Blocks; changes nothing.
    ///
    /// - Throws: `OperationError`: `badData` for a file that is no backup, a damaged one, or one of a newer version;
    ///   `notFound`.
    public static func examine(
        _ path: String, report: MoveProgress.Report = { _ in }
    ) throws(OperationError) -> BackupContents {
        do {
            return try BackupContents(path, report)
        } catch {
            throw Self.told(error, path)
        }
    }

    private init(_ path: String, _ report: MoveProgress.Report) throws {
        let input = try BackupInput(path)
        var decoder = BackupDecoder { try input.read($0) }
        var (header, envelope): (BackupHeader?, KeyEnvelope?)
        var (tables, rows): ([Table], Int) = ([], 0)
        var summation = ContentSummation()
        while let item = try decoder.next() {
            switch item {
            case .header(let found): header = found
            case .key(let found): envelope = found
            case .table(let name, let columns): tables.append(Table(name: name, columns: columns, rows: 0))
            case .rows(let page):
                summation.add(page)
                guard let last = tables.indices.last else { break }
                tables[last].rows += page.count
                report(MoveProgress(stage: .examining, table: tables[last].name, rows: tables[last].rows))
            case .end(let count): rows = count
            }
        }
        guard let header else { throw BackupError(.truncated, "the backup ends too early: it was not copied whole") }
        self.path = path
        self.header = header
        self.envelope = envelope
        self.tables = tables
        self.rows = rows
        self.number = Hex.encode(summation.sum.digest.prefix(8))
    }

    /// The cluster's key, opened with a passphrase.
    ///
    /// - Throws: `OperationError` with `badData` when it is not the one, or the backup holds no key under one.
    public func key(passphrase: String) throws(OperationError) -> ClusterKey {
        guard let envelope else { throw noKey }
        do {
            return try envelope.open(passphrase: passphrase, header: header)
        } catch {
            throw OperationError(.badData, error.message)
        }
    }

    /// The cluster's key, opened with a private key.
    ///
    /// - Throws: `OperationError` with `badData` when it is not the one, or the backup holds no key for one.
    public func key(identity: BackupIdentity) throws(OperationError) -> ClusterKey {
        guard let envelope else { throw noKey }
        do {
            return try envelope.open(identity: identity, header: header)
        } catch {
            throw OperationError(.badData, error.message)
        }
    }

    private var noKey: OperationError {
        OperationError(
            .badData, "the backup does not hold the cluster's key; give a copy of cluster.key with --key-file")
    }

    /// Reads the rows again, table by table.
    func forEachPage(_ body: (String, [ContentRow]) async throws -> Void) async throws {
        do {
            let input = try BackupInput(path)
            var decoder = BackupDecoder { try input.read($0) }
            var table = ""
            while let item = try decoder.next() {
                switch item {
                case .header(let found):
                    guard found == header else {
                        throw BackupError(.damaged, "the file was replaced while it was read")
                    }
                case .table(let name, _): table = name
                case .rows(let rows): try await body(table, rows)
                case .key, .end: break
                }
            }
        } catch {
            guard error is BackupError else { throw error }
            throw Self.told(error, path)
        }
    }

    private static func told(_ error: any Error, _ path: String) -> OperationError {
        switch error {
        case let error as OperationError: error
        case let error as BackupError: OperationError(.badData, "\(path): \(error.message)")
        default: OperationError(.inputOutput, "cannot read \(path)")
        }
    }
}
