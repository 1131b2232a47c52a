internal import CPostgres
internal import ClusterCore
internal import StorageSQL

/// One connection to a PostgreSQL server. Used by one thread at a time.
///
/// Transactions that write are `SERIALIZABLE`, those that read `REPEATABLE READ READ ONLY`, which see one state of the
/// database and never clash.
final class PostgresConnection: SQLConnection {
    private static let cachedStatements = 256

    let dialect: any SQLDialect = PostgresDialect()
    private let link: PostgresLink
    private let options: PostgresOptions
    private let stopper: PostgresCanceller
    private let preparesStatements: Bool
    private var names: [Preparation: String] = [:]
    private var numbered: [String: (text: String, count: Int)] = [:]
    private var preparations = 0
    private var mode = TransactionModeOfFailure.none
    private var isRefused = false

    /// What was prepared: the same statement with other types is another one.
    private struct Preparation: Hashable {
        var statement: String
        var types: [UInt32]
    }

    /// Connects; blocks.
    init(_ address: PostgresAddress, _ options: PostgresOptions) throws {
        link = try PostgresLink(
            to: address, connectTimeout: options.connectTimeout, limit: options.statementTimeout,
            uptime: options.environment.uptime)
        stopper = PostgresCanceller(link)
        self.options = options
        preparesStatements = address.preparesStatements
        // A pooler in transaction mode would hand the session's settings to others: there each transaction has its own.
        if preparesStatements { try simple(limits("SET")) }
    }

    var isUsable: Bool { !link.isBroken && !isRefused }

    var canceller: (any StatementCanceller)? { stopper }

    func execute(_ statement: String, _ values: [SQLValue]) throws -> Int {
        try run(statement, values).changedRows
    }

    func query(_ statement: String, _ values: [SQLValue], _ body: (_ row: [SQLValue]) throws -> Void) throws {
        let result = try run(statement, values)
        for row in 0..<result.rowCount { try body(result.row(row)) }
    }

    func begin(_ mode: TransactionMode) throws {
        let kind = mode == .write ? "SERIALIZABLE READ WRITE" : "REPEATABLE READ READ ONLY"
        let local = preparesStatements ? "" : "; " + limits("SET LOCAL")
        try simple("BEGIN ISOLATION LEVEL \(kind)\(local)")
        self.mode = mode == .write ? .writing : .reading
    }

    func commit() throws {
        guard isUsable else { throw PostgresFailure.lost }
        defer { if PQtransactionStatus(link.handle) == PQTRANS_IDLE { mode = .none } }
        let result: PostgresResult
        do {
            result = try link.exchange { PQsendQuery(link.handle, "COMMIT") }
        } catch {
            throw PostgresFailure.unknownCommit
        }
        if result.isError {
            let failure = PostgresFailure(result: result.handle)
            if link.isBroken || failure.endsConnection {
                isRefused = true
                // A conflict and a rule that is checked at the end are told in so many words, and nothing was written.
                let isTold = failure.state.hasPrefix("40") || failure.state.hasPrefix("23")
                throw isTold ? failure.error(in: mode) : PostgresFailure.unknownCommit
            }
            throw failure.error(in: mode)
        }
        // A transaction in which a statement failed is rolled back by COMMIT, without an error.
        guard result.command == "COMMIT" else {
            throw StorageError(.failed, "the transaction was rolled back, since one of its statements had failed")
        }
    }

    func rollback() {
        mode = .none
        guard isUsable, PQtransactionStatus(link.handle) != PQTRANS_IDLE else { return }
        do { try simple("ROLLBACK") } catch { isRefused = true }
    }

    func serverTime() throws -> Timestamp {
        let statement = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
        guard case .integer(let microseconds)? = try rows(statement).first?.first else {
            throw StorageError(.failed, "the server does not tell its time")
        }
        return Timestamp(microseconds: microseconds)
    }

    func inspect() throws -> DatabaseIdentity {
        let tables = try rows(
            """
            SELECT c.relname::text FROM pg_catalog.pg_class c
            WHERE c.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = current_schema())
            AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
            """)
        return DatabaseIdentity(
            tables: Set(
                tables.compactMap { row in
                    if case .text(let name)? = row.first { name } else { nil }
                }))
    }

    func claim() throws {
        for statement in dialect.creating(MigrationLease.table) { try execute(statement) }
    }

    func close() { isRefused = true }

    private func run(_ statement: String, _ values: [SQLValue]) throws -> PostgresResult {
        guard isUsable else { throw PostgresFailure.lost }
        let (rendered, count) = numberedText(of: statement)
        guard count == values.count else {
            throw StorageError(.misuse, "a statement got \(values.count) values and wants \(count)")
        }
        let parameters = PostgresParameters(values)
        guard preparesStatements else {
            return try checked {
                parameters.withPointers { values, lengths, formats in
                    PQsendQueryParams(
                        link.handle, rendered, parameters.count, parameters.types, values, lengths, formats, 1)
                }
            }
        }
        let name = try prepared(rendered, parameters)
        return try checked {
            parameters.withPointers { values, lengths, formats in
                PQsendQueryPrepared(link.handle, name, parameters.count, values, lengths, formats, 1)
            }
        }
    }

    private func numberedText(of statement: String) -> (text: String, count: Int) {
        if let known = numbered[statement] { return known }
        if numbered.count >= Self.cachedStatements { numbered = [:] }
        let fresh = PostgresDialect().numbered(statement)
        numbered[statement] = fresh
        return fresh
    }

    private func prepared(_ statement: String, _ parameters: PostgresParameters) throws -> String {
        let key = Preparation(statement: statement, types: parameters.types)
        if let name = names[key] { return name }
        // The statements are few and fixed; should they ever be many, all are prepared anew now and then.
        if names.count >= Self.cachedStatements {
            try simple("DEALLOCATE ALL")
            names = [:]
        }
        preparations += 1
        let name = "s\(preparations)"
        _ = try checked { PQsendPrepare(link.handle, name, statement, parameters.count, parameters.types) }
        names[key] = name
        return name
    }

    /// Runs statements without values, one after the other.
    private func simple(_ statements: String) throws {
        guard isUsable else { throw PostgresFailure.lost }
        _ = try checked { PQsendQuery(link.handle, statements) }
    }

    private func checked(_ send: () -> CInt) throws -> PostgresResult {
        let result = try stopper.running { try link.exchange(send) }
        guard result.isError else { return result }
        let failure = PostgresFailure(result: result.handle)
        if failure.endsConnection { isRefused = true }
        if failure.isStalePlan { isRefused = true }
        // Without a code the words are libpq's own: the server went away.
        throw link.isBroken && failure.state.isEmpty ? PostgresFailure.lost : failure.error(in: mode)
    }

    private func limits(_ verb: String) -> String {
        let statement = max(1, options.statementTimeout.wholeMicroseconds / 1000)
        let lock = max(1, options.lockTimeout.wholeMicroseconds / 1000)
        return "\(verb) statement_timeout = \(statement); \(verb) lock_timeout = \(lock); "
            + "\(verb) idle_in_transaction_session_timeout = \(statement * 2)"
    }
}
