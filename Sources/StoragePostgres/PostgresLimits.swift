internal import ClusterCore
internal import StorageSQL

/// How long things may take on a connection.
struct PostgresLimits {
    /// One statement.
    var statement: Duration
    /// Waiting for a row that another transaction wrote.
    var lock: Duration

    /// Connecting, all hosts together; `nil` where each host has its own time.
    var connect: Duration?

    init(_ options: PostgresOptions, _ lane: LaneLimits? = nil) {
        statement = lane?.statement ?? options.statementTimeout
        connect = lane?.connect
        lock = Swift.min(options.lockTimeout, statement)
    }

    /// The statement that sets them, for the session or for the transaction.
    ///
    /// - Parameter onlyReads: Whether the session's transactions are to be for reading without saying so.
    func statement(local isLocal: Bool, onlyReads: Bool = false) -> String {
        func milliseconds(_ limit: Duration) -> String { "\(Swift.max(1, limit.wholeMicroseconds / 1000))" }
        var settings = [
            ("statement_timeout", milliseconds(statement)), ("lock_timeout", milliseconds(lock)),
            ("idle_in_transaction_session_timeout", milliseconds(statement * 2)),
        ]
        if onlyReads {
            settings += [("default_transaction_isolation", "repeatable read"), ("default_transaction_read_only", "on")]
        }
        return "SELECT " + settings.map { "set_config('\($0)', '\($1)', \(isLocal))" }.joined(separator: ", ")
    }
}
