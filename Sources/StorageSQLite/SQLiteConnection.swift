internal import CSQLite
internal import ClusterCore
internal import StorageSQL

/// One connection to a SQLite file. Used by one thread at a time.
final class SQLiteConnection: SQLConnection {
    /// "asnd": says in a file's header (https://www.sqlite.org/fileformat2.html §1.3) that the database is ours.
    static let applicationID: Int32 = 0x6173_6e64

    /// How a connection is opened.
    struct Options: Sendable {
        var path: String
        var mode: TransactionMode
        var busyTimeout: Duration
        var statementTimeout: Duration
        var environment: StorageEnvironment
    }

    /// Rows are at most a few values of ``StorageLimits/valueBytes``; longer ones in a hostile file are not read.
    private static let rowBytes: CInt = 4 << 20
    private static let cachedStatements = 256

    let dialect: any SQLDialect = SQLiteDialect()
    let options: Options
    private(set) var isUsable = true
    let handle: OpaquePointer
    let statementLimit: SQLiteStatementLimit
    private let stopper: SQLiteStopper
    private var statements: [SQLiteStatementText: SQLiteStatement] = [:]

    /// Opens an existing file and leaves it as it is.
    init(_ options: Options) throws {
        var handle: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let code = sqlite3_open_v2(options.path, &handle, flags, nil)
        guard code == SQLITE_OK, let handle else {
            let failure = SQLiteFailure(handle, code: code, path: options.path)
            sqlite3_close_v2(handle)
            throw failure.error
        }
        self.handle = handle
        self.options = options
        self.stopper = SQLiteStopper(handle)
        self.statementLimit = SQLiteStatementLimit(options.statementTimeout, uptime: options.environment.uptime)
        statementLimit.attach(to: handle)
        sqlite3_busy_timeout(handle, CInt(clamping: options.busyTimeout.wholeMicroseconds / 1000))
        sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, Self.rowBytes)
        _ = csqlite_defensive(handle, 1)
        try configure()
    }

    deinit {
        stopper.disarm()
        statements = [:]
        sqlite3_close_v2(handle)
    }

    var canceller: (any StatementCanceller)? { stopper }

    /// Whether SQLite could open the file for reading only.
    var isReadOnly: Bool { sqlite3_db_readonly(handle, "main") == 1 }

    /// Turns the write-ahead log on; writes to the file's header the first time.
    func useWriteAheadLog() throws {
        let mode = try rows("PRAGMA journal_mode = WAL", []).first?.first
        guard mode == .text("wal") else {
            throw StorageError(
                .unavailable, "\(options.path) cannot use a write-ahead log",
                advice: "put it on a local disk; network file systems are not supported")
        }
    }

    func execute(_ statement: String, _ values: [SQLValue]) throws -> Int {
        try query(statement, values) { _ in }
        return Int(sqlite3_changes(handle))
    }

    func query(_ statement: String, _ values: [SQLValue], _ body: (_ row: [SQLValue]) throws -> Void) throws {
        let prepared = try prepared(statement)
        defer { prepared.reset() }
        guard prepared.parameterCount == values.count else {
            throw StorageError(.misuse, "a statement got \(values.count) values and wants \(prepared.parameterCount)")
        }
        try check(prepared.bind(values))
        statementLimit.restart()
        while true {
            let code = sqlite3_step(prepared.handle)
            if code == SQLITE_DONE { return }
            guard code == SQLITE_ROW else { throw failure(code) }
            try body(prepared.row())
        }
    }

    func begin(_ mode: TransactionMode) throws {
        try execute(mode == .write ? "BEGIN IMMEDIATE" : "BEGIN")
    }

    func commit() throws {
        // A commit that has begun is not stopped.
        stopper.disarm()
        statementLimit.isOff = true
        defer {
            statementLimit.isOff = false
            stopper.arm()
        }
        try execute("COMMIT")
    }

    func rollback() {
        guard sqlite3_get_autocommit(handle) == 0 else { return }
        do { try execute("ROLLBACK") } catch { isUsable = false }
    }

    func serverTime() throws -> Timestamp { options.environment.now() }

    func inspect() throws -> DatabaseIdentity {
        let tables = try rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        if tables.isEmpty { return .empty }
        let isMarked = try rows("PRAGMA application_id").first?.first == .integer(Int64(Self.applicationID))
        guard isMarked, tables.contains([.text("schema_steps")]) else {
            return .foreign("it has tables of something else")
        }
        return .ours
    }

    func claim() throws { try execute("PRAGMA application_id = \(Self.applicationID)") }

    func close() {
        stopper.disarm()
        // The handle itself is closed when the connection goes away.
        statements = [:]
        isUsable = false
    }

    private func configure() throws {
        try execute("PRAGMA foreign_keys = ON")
        try execute("PRAGMA trusted_schema = OFF")
        try execute("PRAGMA cell_size_check = ON")
        try execute("PRAGMA temp_store = MEMORY")
        try execute("PRAGMA synchronous = FULL")
        try execute("PRAGMA journal_size_limit = 67108864")
        if options.mode == .read { try execute("PRAGMA query_only = ON") }
    }

    private func prepared(_ statement: String) throws -> SQLiteStatement {
        let key = SQLiteStatementText(text: statement)
        if let cached = statements[key], !cached.isBusy { return cached }
        var prepared: OpaquePointer?
        let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
        try check(sqlite3_prepare_v3(handle, dialect.rendered(statement), -1, flags, &prepared, nil))
        guard let prepared else { throw StorageError(.misuse, "a statement is empty") }
        let fresh = SQLiteStatement(prepared)
        // The statements are few and fixed; should they ever be many, all are prepared anew now and then.
        if statements.count >= Self.cachedStatements { statements = [:] }
        statements[key] = fresh
        return fresh
    }

    private func check(_ code: CInt) throws {
        guard code == SQLITE_OK else { throw failure(code) }
    }

    private func failure(_ code: CInt) -> StorageError {
        let failure = SQLiteFailure(handle, code: code, path: options.path)
        let broken: Set = [SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_CORRUPT, SQLITE_NOTADB]
        if broken.contains(code & 0xff) || code == SQLITE_READONLY | (4 << 8) { isUsable = false }
        return failure.error
    }
}
