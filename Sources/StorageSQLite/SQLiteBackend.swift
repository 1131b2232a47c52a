public import ClusterCore
internal import Foundation
public import StorageSQL

/// How a SQLite backend works.
public struct SQLiteOptions: Sendable {
    /// Authenticates the rows that decide who gets in.
    public var authenticator: any RowAuthenticator
    /// Time and randomness. SQLite has no clock of its own: this one is the store's.
    public var environment: StorageEnvironment
    /// The most connections, and threads, for reading; there is one more for writing.
    public var readers: Int
    /// How long a statement waits for another process before it counts as a failed try.
    public var busyTimeout: Duration
    /// How long a statement may take; looking through the whole file may take longer.
    public var statementTimeout: Duration
    /// How often and how long a transaction is tried.
    public var retry: RetryPolicy
    /// How connections are kept.
    public var pool: PoolLimits
    /// The node that opens the file, if it is one: it is not in the way of a migration itself.
    public var node: NodeID?
    /// The schema that a file is brought to.
    package var migrator = Migrator()

    /// Makes the value of its parts, which are explained at the properties.
    public init(
        authenticator: any RowAuthenticator, environment: StorageEnvironment = .system, readers: Int = 4,
        busyTimeout: Duration = .seconds(2), statementTimeout: Duration = .seconds(30),
        retry: RetryPolicy = RetryPolicy(), pool: PoolLimits = PoolLimits(), node: NodeID? = nil
    ) {
        self.authenticator = authenticator
        self.environment = environment
        self.readers = readers
        self.busyTimeout = busyTimeout
        self.statementTimeout = statementTimeout
        self.retry = retry
        self.pool = pool
        self.node = node
    }

    func connection(
        _ path: String, _ mode: TransactionMode, _ limits: LaneLimits? = nil
    ) -> SQLiteConnection.Options {
        let limit = limits?.statement ?? statementTimeout
        return SQLiteConnection.Options(
            path: path, mode: mode, busyTimeout: min(busyTimeout, limit),
            statementTimeout: min(statementTimeout, limit), environment: environment)
    }
}

/// A store in one SQLite file: what a standalone node has.
///
/// Several processes may use the file at once: the running node and the command line. The file, its `-wal` and its
/// `-shm` have mode 0600; what is committed is on disk (write-ahead log, `synchronous=FULL`). The file must be on a
/// local disk.
public final class SQLiteBackend: StorageBackend {
    /// What may be done to a file when it is opened.
    public enum OpenMode: Hashable, Sendable {
        /// It is made when there is none, and migrated when it is older.
        case create
        /// It must be there, and is migrated when it is older, after a copy was made beside it (`FILE.schema-N`).
        case migrate
        /// It must be there and have the schema of this version.
        case existing
    }

    /// What its operator should know of the file, found at opening; for a log.
    public let notices: [StorageNotice]
    /// The file.
    public let path: String
    private let backend: SQLBackend

    private init(path: String, notices: [StorageNotice], backend: SQLBackend) {
        self.path = path
        self.notices = notices
        self.backend = backend
    }

    /// Opens a file.
    ///
    /// - Parameters:
    ///   - path: The file, absolute.
    ///   - mode: What may be done to it.
    ///   - options: How the backend works.
    /// - Throws: ``ClusterCore/StorageError``: `notFound` when there is no database; `corrupt` when it is none or is
    ///   damaged; `foreign` when it belongs to something else; `schemaTooNew`, `schemaTooOld`; `permission`, also when
    ///   others could replace the file; `readOnly`; `outOfSpace`; `busy`. Nothing that was there is destroyed.
    public static func open(
        _ path: String, mode: OpenMode, options: SQLiteOptions
    ) async throws -> SQLiteBackend {
        let preparation = SQLitePreparation(path: path, mode: mode, options: options)
        let notices = try await onBlockingThread("sql-open") { try preparation.run() }
        let shared = SQLBackend.Options(
            authenticator: options.authenticator, environment: options.environment, retry: options.retry,
            pool: options.pool, readers: options.readers, writers: 1)
        let backend = SQLBackend(options: shared) { request in
            try SQLiteConnection(options.connection(path, request.mode, request.limits))
        }
        return SQLiteBackend(path: path, notices: notices, backend: backend)
    }

    /// Runs `body` on one consistent state of the store; see ``ClusterCore/StorageBackend/read(_:)``.
    public func read<T: Sendable>(
        _ body: @escaping @Sendable (any StorageReader) throws -> T
    ) async throws -> T {
        try await backend.read(body)
    }

    /// Runs `body` in a transaction and commits it; see ``ClusterCore/StorageBackend/write(in:_:)``.
    @discardableResult
    public func write<T: Sendable>(
        in phase: StoreState.Phase, _ body: @escaping @Sendable (any StorageWriter) throws -> T
    ) async throws -> T {
        try await backend.write(in: phase, body)
    }

    /// A backend with one connection and thread of its own; see ``ClusterCore/StorageBackend/lane(_:limits:)``.
    public func lane(_ name: String, limits: LaneLimits) async throws -> any StorageBackend {
        try await backend.lane(name, limits: limits)
    }

    /// Looks at the revision again and again; see ``ClusterCore/StorageBackend/watch(every:)``.
    public func watch(every interval: Duration) -> StoreWatch { backend.watch(every: interval) }

    /// Waits for what is under way and closes all connections; see ``ClusterCore/StorageBackend/close()``.
    public func close() async { await backend.close() }

    /// One connection to a file that is there, which is left as it is; for looking at it. Blocks.
    package static func connect(_ path: String, options: SQLiteOptions) throws -> any SQLConnection {
        guard FileManager.default.fileExists(atPath: path) else { throw SQLiteFailure.missing(path) }
        return try SQLiteConnection(options.connection(path, .write))
    }

    /// Makes an empty database in a file that is not there yet; blocks.
    package static func makeEmpty(_ path: String, options: SQLiteOptions) throws {
        let file = SQLiteFile(path: path)
        try file.create()
        let connection = try SQLiteConnection(options.connection(path, .write))
        defer { connection.close() }
        try connection.useWriteAheadLog()
    }

    /// Removes a file and what belongs to it; blocks.
    package static func remove(_ path: String) {
        for side in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + side) }
    }

    /// Reads the whole file and checks it. Takes about a second per 100 MB and does not hold up writers.
    ///
    /// - Returns: What is wrong, at most 20 lines; nothing when it is sound.
    /// - Throws: ``ClusterCore/StorageError`` when it cannot even be read.
    public func integrityFindings() async throws -> [String] {
        try await backend.withConnection(.read) { connection in
            (connection as? SQLiteConnection)?.statementLimit.isOff = true
            defer { (connection as? SQLiteConnection)?.statementLimit.isOff = false }
            return try connection.rows("PRAGMA integrity_check(20)", []).compactMap { row in
                if case .text(let line)? = row.first, line != "ok" { line } else { nil }
            }
        }
    }

    /// Copies one state of the database to a new file of mode 0600, while it is in use.
    ///
    /// - Throws: ``ClusterCore/StorageError``; `constraint("file")` when there is such a file.
    public func copy(to path: String) async throws {
        try await backend.withConnection(.read) { connection in
            guard let connection = connection as? SQLiteConnection else {
                throw StorageError(.misuse, "only a SQLite database can be copied to a file")
            }
            try connection.copy(to: path)
        }
    }
}

extension SQLiteBackend: PortableStorage {
    /// The tables that are carried to another store or into a backup; see ``ClusterCore/PortableStorage``.
    public var content: [ContentTable] { SQLBackend.carriedTables }
}
