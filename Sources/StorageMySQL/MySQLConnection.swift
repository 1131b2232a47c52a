internal import CMariaDB
internal import ClusterCore
internal import StorageSQL

/// One connection to a server of the MySQL family. Used by one thread at a time.
///
/// Transactions that write are `SERIALIZABLE`: InnoDB then locks what they read. Those that read take one consistent
/// snapshot at `REPEATABLE READ`. Several writable servers certify written rows only, which is why the stores write a
/// row for each rule about several rows.
///
/// No statement begins a transaction: the session is put into the mode that is asked for when that changes, without
/// `autocommit`, and then the first statement of a transaction begins it. The end of one that read is not waited for.
final class MySQLConnection: SQLConnection {
    private enum Stage: Equatable {
        /// Each statement commits by itself.
        case none
        /// A transaction begins with the next statement.
        case begun(TransactionMode)
        /// The server is in a transaction.
        case active(TransactionMode)
    }

    let dialect: any SQLDialect
    private let wire: MySQLWire
    private let parameters = MySQLParameters()
    private let columns = MySQLColumns()
    private var statements = MySQLStatementCache()
    private var stage = Stage.none
    /// What the session's transactions are for; `nil` while each statement commits by itself.
    private var mode: TransactionMode?
    /// Why nothing more may run in this transaction: the server ended it, or a part of it.
    private var ended: StorageError?

    /// Makes a session of a connection that was just made; blocks.
    ///
    /// - Throws: ``ClusterCore/StorageError``; the connection is closed then.
    init(_ wire: MySQLWire, _ limits: MySQLLimits) throws {
        self.wire = wire
        do {
            let session = try MySQLSession(wire, limits)
            dialect = MySQLDialect(isMariaDB: session.isMariaDB, isGalera: session.isGalera)
        } catch {
            wire.close()
            throw error
        }
    }

    deinit { close() }

    var isUsable: Bool { !wire.isLost && wire.isWanted && !wire.stopper.hasKilled }

    var canceller: (any StatementCanceller)? { wire.stopper }

    func execute(_ statement: String, _ values: [SQLValue]) throws -> Int {
        let prepared = try run(statement, values)
        defer { prepared.reset() }
        return prepared.changedRows
    }

    func query(_ statement: String, _ values: [SQLValue], _ body: (_ row: [SQLValue]) throws -> Void) throws {
        let prepared = try run(statement, values)
        try wire.stopper.running {
            defer { prepared.reset() }
            guard prepared.bind(columns) else { throw noted(prepared.failure, statement) }
            while true {
                switch try prepared.fetch(columns) {
                case .row(let row): try body(row)
                case .end: return
                case .failed: throw noted(prepared.failure, statement)
                }
            }
        }
    }

    func begin(_ mode: TransactionMode) throws {
        guard stage == .none else { throw StorageError(.misuse, "a transaction was begun within another one") }
        guard !wire.isLost else { throw MySQLFailure.lost }
        stage = .begun(mode)
    }

    func commit() throws {
        if let ended { throw ended }
        guard !wire.isLost else { throw MySQLFailure.lost }
        if case .active = stage {
            if let failure = wire.commit() { throw committing(failure) }
        }
        stage = .none
    }

    func rollback() {
        defer {
            ended = nil
            stage = .none
        }
        guard !wire.isLost, case .active(let mode) = stage else { return }
        wire.rollback(waiting: mode == .write)
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
        statements.removeAll()
        wire.close()
    }

    private func run(_ statement: String, _ values: [SQLValue]) throws -> MySQLStatement {
        if let ended { throw ended }
        guard !wire.isLost else { throw MySQLFailure.lost }
        try enterStage()
        let prepared = try prepared(statement)
        guard prepared.parameterCount == values.count else {
            throw StorageError(.misuse, "a statement got \(values.count) values and wants \(prepared.parameterCount)")
        }
        if case .begun(let mode) = stage { stage = .active(mode) }
        guard wire.run(prepared, values, parameters) else {
            let failure = wire.isLost ? .gone : prepared.failure
            prepared.reset()
            throw noted(failure, statement)
        }
        return prepared
    }

    /// Puts the session into the mode of what comes, unless it is in it.
    private func enterStage() throws {
        switch stage {
        case .none: try enter(nil)
        // Most who read run one statement by itself: a session that commits by itself is left so.
        case .begun(.read) where mode == nil:
            wire.send("START TRANSACTION READ ONLY")
            stage = .active(.read)
        case .begun(let mode): try enter(mode)
        case .active: break
        }
    }

    private func enter(_ wanted: TransactionMode?) throws {
        guard wanted != mode else { return }
        // Were this not waited for, a statement could commit by itself that should not.
        if (wanted == nil) != (mode == nil) {
            try wire.simple("SET SESSION autocommit = \(wanted == nil ? 1 : 0)")
        }
        mode = wanted
        switch wanted {
        case nil: wire.send("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE")
        case .read: wire.send("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        case .write: wire.send("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE")
        }
    }

    private func prepared(_ statement: String) throws -> MySQLStatement {
        if let cached = statements.statement(statement) { return cached }
        guard let raw = wire.makeStatement() else { throw StorageError(.unavailable, "out of memory") }
        let fresh = MySQLStatement(raw)
        guard wire.prepare(fresh, dialect.rendered(statement)) else {
            throw noted(wire.isLost ? .gone : fresh.failure, statement)
        }
        statements.keep(fresh, statement)
        return fresh
    }

    /// The failure of a statement as an error, after what it means for connection and transaction.
    private func noted(_ failure: MySQLFailure, _ statement: String) -> StorageError {
        if failure.endsConnection { wire.lose(failure) }
        if failure.invalidatesStatements { statements.removeAll() }
        var error = failure.error()
        if failure.violatedKey == "PRIMARY", let columns = primaryKey(of: statement) {
            error.code = .constraint(columns)
            error.message = "there is one with the same \(columns) already"
        }
        if stage != .none, failure.endsTransaction || failure.endsConnection { ended = error }
        return error
    }

    /// The failure of a commit as an error. Unless the server says that it rolled back, nobody knows.
    private func committing(_ failure: MySQLFailure) -> StorageError {
        guard failure.saysRolledBack else {
            wire.lose(failure)
            return MySQLFailure.unknownCommit
        }
        if failure.endsConnection { wire.lose(failure) }
        return failure.error()
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
