internal import CPostgres
internal import ClusterCore
internal import StorageSQL

/// One connection to a PostgreSQL server. Used by one thread at a time.
///
/// Transactions that write are `SERIALIZABLE`, those that read `REPEATABLE READ READ ONLY`, which see one state of the
/// database and never clash. `BEGIN` is sent with the first statement, and the end of a transaction that reads is not
/// waited for. A connection that only reads needs no `BEGIN`: it is set to such transactions, and each lasts until the server
/// is told that it ends.
final class PostgresConnection: SQLConnection {
    /// How far a transaction has come.
    private enum Phase {
        /// There is none.
        case none
        /// It was asked for, and begins with its first statement.
        case deferred(TransactionMode)
        /// The server knows of it.
        case open(TransactionMode)
        /// It reads, and one of its statements failed before the server was told that it ends.
        case failed

        /// Whether the server knows of one.
        var isKnown: Bool {
            switch self {
            case .none, .deferred: false
            case .open, .failed: true
            }
        }
    }

    let dialect: any SQLDialect = PostgresDialect()
    private let connector: PostgresConnector
    private let link: PostgresLink
    private let limits: PostgresLimits
    private let stopper: PostgresCanceller
    private let preparesStatements: Bool
    private let onlyReads: Bool
    private var statements = PostgresStatements()
    private var parameters = PostgresParameters()
    /// The statements that this flight prepares, with the number of the command.
    private var prepared: [(statement: PostgresStatement, command: Int)] = []
    private var phase = Phase.none
    private var hasLimits = false
    private var isListening = false
    private var isReading = false
    private var isRefused = false

    /// Connects; blocks.
    ///
    /// - Parameter mode: What it is for; one for reading never writes.
    init(_ connector: PostgresConnector, limits: PostgresLimits, mode: TransactionMode) throws {
        self.connector = connector
        self.limits = limits
        link = try connector.connect(within: limits.connect)
        stopper = PostgresCanceller(link)
        preparesStatements = connector.address.preparesStatements
        onlyReads = mode == .read && preparesStatements
    }

    var isUsable: Bool { !link.isBroken && !isRefused && !stopper.isAstray }

    var canceller: (any StatementCanceller)? { stopper }

    func execute(_ statement: String, _ values: [SQLValue]) throws -> Int {
        try run(statement, values).changedRows
    }

    func query(_ statement: String, _ values: [SQLValue], _ body: (_ row: [SQLValue]) throws -> Void) throws {
        _ = try run(statement, values, streams: true) { try body($0.row()) }
    }

    func begin(_ mode: TransactionMode) throws {
        guard isUsable else { throw PostgresFailure.lost }
        guard mode == .read || !onlyReads else { throw StorageError(.misuse, "a connection for reading is to write") }
        guard case .none = phase else { throw StorageError(.misuse, "a transaction was begun within another one") }
        phase = .deferred(mode)
    }

    func commit() throws {
        guard isUsable else { throw PostgresFailure.lost }
        guard case .open(let mode) = phase, !onlyReads else { return rollback() }
        let landing: PostgresLink.Landing
        do {
            try queue(statements.statement("COMMIT"), [])
            landing = try land()
        } catch {
            throw PostgresFailure.unknownCommit
        }
        if landing.failed != nil {
            let failure = PostgresFailure(result: landing.result.handle)
            if link.isBroken || failure.endsConnection {
                isRefused = true
                // A conflict and a rule that is checked at the end are told in so many words, and nothing was written.
                let isTold = failure.state.hasPrefix("40") || failure.state.hasPrefix("23")
                throw isTold ? failure.error(in: mode) : PostgresFailure.unknownCommit
            }
            phase = .none
            throw failure.error(in: mode)
        }
        phase = .none
        // A transaction in which a statement failed is rolled back by COMMIT, without an error.
        guard landing.result.command == "COMMIT" else {
            throw StorageError(.failed, "the transaction was rolled back, since one of its statements had failed")
        }
    }

    func rollback() {
        defer { phase = .none }
        guard isUsable else { return }
        do {
            if onlyReads, phase.isKnown { return try link.release() }
            guard case .open(let mode) = phase else { return }
            try queue(statements.statement("ROLLBACK"), [])
            // Nobody waits for the end of a transaction that holds no locks.
            if mode == .read, prepared.isEmpty { return try link.release() }
            if try land().failed != nil { isRefused = true }
        } catch {
            isRefused = true
        }
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

    /// Runs one statement, with what has to go before it in the same flight.
    private func run(
        _ text: String, _ values: [SQLValue], streams: Bool = false, row: (PostgresResult) throws -> Void = { _ in }
    ) throws -> PostgresResult {
        guard isUsable else { throw PostgresFailure.lost }
        guard !isReading else { throw StorageError(.misuse, "a statement was run while the rows of another are read") }
        let statement = statements.statement(text)
        guard statement.count == values.count else {
            throw StorageError(.misuse, "a statement got \(values.count) values and wants \(statement.count)")
        }
        if case .failed = phase { throw StorageError(.failed, "an earlier statement of the transaction had failed") }
        isReading = true
        defer { isReading = false }
        let landing = try stopper.running {
            try sendLimits()
            try sendUnneeded()
            try queueBegin()
            try queue(statement, values)
            return try land(streams: streams, row: row)
        }
        guard landing.failed != nil else { return landing.result }
        defer { if onlyReads, phase.isKnown { phase = .failed } }
        throw error(of: landing)
    }

    private func error(of landing: PostgresLink.Landing) -> StorageError {
        let failure = PostgresFailure(result: landing.result.handle)
        // Without a code the words are libpq's own: the server went away.
        if link.isBroken, failure.state.isEmpty { return PostgresFailure.lost }
        var mode: TransactionMode?
        if case .open(let open) = phase { mode = open }
        let error = failure.error(in: mode)
        if failure.endsConnection, error.code != .misuse { isRefused = true }
        if error.code == .readOnly { connector.avoid(link.host) }
        return error
    }

    /// The session's limits, before its first flight. A pooler in transaction mode would hand them to others: there each
    /// transaction has its own.
    private func sendLimits() throws {
        guard preparesStatements, !hasLimits else { return }
        let settings = limits.statement(local: false, onlyReads: onlyReads)
        try link.queue { PQsendQueryParams(link.handle, settings, 0, nil, nil, nil, nil, 1) }
        // A flight is a transaction of its own until it says `BEGIN`, which has to come first then.
        try link.release()
        hasLimits = true
    }

    private func sendUnneeded() throws {
        // In a transaction that failed it would fail too.
        if case .open = phase { return }
        for name in statements.takeUnneeded() {
            try link.queue { PQsendQueryParams(link.handle, "DEALLOCATE \(name)", 0, nil, nil, nil, nil, 1) }
            try link.release()
        }
    }

    private func queueBegin() throws {
        guard case .deferred(let mode) = phase else { return }
        phase = .open(mode)
        if onlyReads { return }
        let kind = mode == .write ? "SERIALIZABLE" : "REPEATABLE READ READ ONLY"
        try queue(statements.statement("BEGIN ISOLATION LEVEL \(kind)"), [])
        guard !preparesStatements else { return }
        try link.queue { PQsendQueryParams(link.handle, limits.statement(local: true), 0, nil, nil, nil, nil, 1) }
    }

    /// Puts a statement into the flight, and before it its preparation if that is needed.
    private func queue(_ statement: PostgresStatement, _ values: [SQLValue]) throws {
        parameters.load(values)
        let (handle, count) = (link.handle, parameters.count)
        guard preparesStatements else {
            let types = parameters.types
            return try link.queue {
                parameters.withPointers { PQsendQueryParams(handle, statement.text, count, types, $0, $1, $2, 1) }
            }
        }
        if !statement.takes(parameters.types) {
            let name = statements.prepare(statement, for: parameters.types)
            prepared.append((statement, link.queued))
            try link.queue { PQsendPrepare(handle, name, statement.text, count, statement.types) }
        }
        try link.queue { parameters.withPointers { PQsendQueryPrepared(handle, statement.name, count, $0, $1, $2, 1) } }
    }

    /// Sends the flight and reads its answers; what it was to prepare is known or not afterwards.
    private func land(
        streams: Bool = false, row: (PostgresResult) throws -> Void = { _ in }
    ) throws -> PostgresLink.Landing {
        defer { prepared.removeAll(keepingCapacity: true) }
        let landing = try link.land(
            limit: limits.statement, ends: !(onlyReads && phase.isKnown), streams: streams, row: row)
        if let failed = landing.failed {
            for (statement, command) in prepared where command >= failed { statement.forget() }
        }
        return landing
    }
}

extension PostgresConnection {
    /// Listens, beginning with the first call, which tells of a change that may have come before it.
    func waitForNotification(upTo limit: Duration) throws -> Bool? {
        guard preparesStatements else { return nil }
        guard isUsable else { throw PostgresFailure.lost }
        if isListening { return try link.waitForNotification(upTo: limit) }
        guard case .text(let channel)? = try rows("SELECT \(PostgresDialect.channel)").first?.first,
            channel.utf8.allSatisfy({ UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || 48...57 ~= $0 || $0 == 95 })
        else { throw StorageError(.failed, "the server does not tell the schema that is used") }
        try execute("LISTEN \(channel)")
        isListening = true
        return true
    }
}
