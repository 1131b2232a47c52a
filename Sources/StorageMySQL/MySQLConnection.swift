internal import CMariaDB
internal import ClusterCore
internal import StorageSQL

/// One connection to a server of the MySQL family. Used by one thread at a time.
///
/// Transactions that write are `SERIALIZABLE`: InnoDB then locks what they read. Those that read take one consistent
/// snapshot at `REPEATABLE READ`. Several writable servers certify written rows only, which is why the stores write a
/// row for each rule about several rows.
final class MySQLConnection: SQLConnection {
    private static let cachedStatements = 256
    private static let mode =
        "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
        + "NO_ENGINE_SUBSTITUTION"

    let dialect: any SQLDialect
    private let handle: UnsafeMutablePointer<MYSQL>
    private let stopper: MySQLCanceller
    private var statements: [String: MySQLStatement] = [:]
    private var isLost = false
    private var isInTransaction = false
    /// That the server ended the transaction by itself: what follows would run outside of it.
    private var ended: StorageError?

    /// Connects to one of the hosts; blocks.
    init(_ address: MySQLAddress, _ options: MySQLOptions, hosts: MySQLHosts) throws {
        let link = MySQLLink(address: address, options: options)
        let (handle, host) = try hosts.connect { try link.connect(to: $0) }
        self.handle = handle
        stopper = MySQLCanceller(link, host, thread: mysql_thread_id(handle))
        let isMariaDB = mysql_get_server_info(handle).map { String(cString: $0).contains("MariaDB") } ?? false
        dialect = MySQLDialect(isMariaDB: isMariaDB)
        do {
            try configure(options, isMariaDB: isMariaDB)
        } catch {
            isLost = true
            throw error
        }
    }

    deinit {
        statements = [:]
        mysql_close(handle)
    }

    var isUsable: Bool { !isLost }

    var canceller: (any StatementCanceller)? { stopper }

    func execute(_ statement: String, _ values: [SQLValue]) throws -> Int {
        let prepared = try run(statement, values)
        defer { prepared.reset() }
        return prepared.changedRows
    }

    func query(_ statement: String, _ values: [SQLValue], _ body: (_ row: [SQLValue]) throws -> Void) throws {
        let prepared = try run(statement, values)
        defer { prepared.reset() }
        try prepared.rows(body)
    }

    func begin(_ mode: TransactionMode) throws {
        guard !isInTransaction else { throw StorageError(.misuse, "a transaction was begun within another one") }
        let level = mode == .write ? "SERIALIZABLE" : "REPEATABLE READ"
        try simple("SET TRANSACTION ISOLATION LEVEL \(level)")
        try simple("START TRANSACTION \(mode == .write ? "READ WRITE" : "WITH CONSISTENT SNAPSHOT, READ ONLY")")
        isInTransaction = true
    }

    func commit() throws {
        if let ended { throw ended }
        guard isUsable else { throw MySQLFailure.lost }
        defer { isInTransaction = false }
        guard mysql_query(handle, "COMMIT") != 0 else { return }
        let failure = MySQLFailure(connection: handle)
        if failure.endsConnection { isLost = true }
        // The server was not heard of, or went down meanwhile: nobody knows.
        let isUnknown = failure.isLocal || [1053, 1077, 1079, 1317, 1927].contains(failure.number)
        throw isUnknown ? MySQLFailure.unknownCommit : failure.error()
    }

    func rollback() {
        defer {
            ended = nil
            isInTransaction = false
        }
        guard isUsable, isInTransaction else { return }
        if mysql_query(handle, "ROLLBACK") != 0 { isLost = true }
    }

    func serverTime() throws -> Timestamp {
        let statement = "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"
        guard case .integer(let microseconds)? = try rows(statement).first?.first else {
            throw StorageError(.failed, "the server does not tell its time")
        }
        return Timestamp(microseconds: microseconds)
    }

    func inspect() throws -> DatabaseIdentity {
        let tables = try rows("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()")
        return DatabaseIdentity(
            tables: Set(
                tables.compactMap { row in
                    if case .text(let name)? = row.first { name } else { nil }
                }))
    }

    func claim() throws {
        for statement in dialect.creating(MigrationLease.table) { try execute(statement) }
    }

    func close() {
        statements = [:]
        isLost = true
    }

    private func configure(_ options: MySQLOptions, isMariaDB: Bool) throws {
        let lock = max(1, options.lockTimeout.wholeMicroseconds / 1_000_000)
        let milliseconds = max(1, options.statementTimeout.wholeMicroseconds / 1000)
        try simple("SET NAMES utf8mb4")
        try simple(
            "SET SESSION sql_mode = '\(Self.mode)', SESSION time_zone = '+00:00', SESSION autocommit = 1, "
                + "SESSION innodb_lock_wait_timeout = \(lock)")
        // MySQL has a limit for reading statements alone; the others end with the limit of the read from its server.
        try simple(
            isMariaDB
                ? "SET SESSION max_statement_time = \(Double(milliseconds) / 1000)"
                : "SET SESSION max_execution_time = \(milliseconds)")
        guard isMariaDB else { return }
        do {
            // On a Galera cluster a statement waits until its server knows what others committed before.
            try simple("SET SESSION wsrep_sync_wait = 7")
        } catch let error as StorageError where error.nativeCode == "error 1193" {
            // A server that was built without Galera.
        }
    }

    private func run(_ statement: String, _ values: [SQLValue]) throws -> MySQLStatement {
        if let ended { throw ended }
        guard isUsable else { throw MySQLFailure.lost }
        let prepared = try prepared(statement)
        guard prepared.parameterCount == values.count else {
            throw StorageError(.misuse, "a statement got \(values.count) values and wants \(prepared.parameterCount)")
        }
        guard stopper.running({ prepared.run(values) }) else {
            let failure = prepared.failure
            prepared.reset()
            throw noted(failure, statement)
        }
        return prepared
    }

    private func prepared(_ statement: String) throws -> MySQLStatement {
        if let cached = statements[statement] { return cached }
        guard let raw = mysql_stmt_init(handle) else { throw StorageError(.unavailable, "out of memory") }
        let fresh = MySQLStatement(raw)
        guard stopper.running({ fresh.prepare(dialect.rendered(statement)) }) else {
            throw noted(fresh.failure, statement)
        }
        // The statements are few and fixed; should they ever be many, all are prepared anew now and then.
        if statements.count >= Self.cachedStatements { statements = [:] }
        statements[statement] = fresh
        return fresh
    }

    /// Runs a statement without values and rows.
    private func simple(_ statement: String) throws {
        guard isUsable else { throw MySQLFailure.lost }
        guard stopper.running({ mysql_query(handle, statement) }) == 0 else {
            throw noted(MySQLFailure(connection: handle), statement)
        }
    }

    /// The failure as an error, after what it means for the connection.
    private func noted(_ failure: MySQLFailure, _ statement: String) -> StorageError {
        if failure.endsConnection { isLost = true }
        if failure.number == 1615 { statements = [:] }
        var error = failure.error()
        if failure.violatedKey == "PRIMARY", let columns = primaryKey(of: statement) {
            error.code = .constraint(columns)
            error.message = "there is one with the same \(columns) already"
        }
        if isInTransaction, failure.endsTransaction || failure.endsConnection { ended = error }
        return error
    }

    /// The columns of the primary key of the table that a statement writes: servers call every one `PRIMARY`.
    private func primaryKey(of statement: String) -> String? {
        let words = statement.split(whereSeparator: { $0.isWhitespace || $0 == "(" })
        guard let verb = words.firstIndex(where: { ["INTO", "UPDATE"].contains($0) }),
            words.indices.contains(verb + 1)
        else { return nil }
        let table = String(words[verb + 1])
        let columns = try? rows(
            """
            SELECT column_name FROM information_schema.key_column_usage WHERE table_schema = DATABASE()
            AND table_name = ? AND constraint_name = 'PRIMARY' ORDER BY ordinal_position
            """, [.text(table)])
        let names = (columns ?? []).compactMap { row in
            if case .text(let name)? = row.first { "\(table).\(name)" } else { nil }
        }
        return names.isEmpty ? nil : names.joined(separator: ",")
    }
}
