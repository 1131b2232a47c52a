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
    func statement(local isLocal: Bool) -> String {
        func set(_ name: String, _ limit: Duration) -> String {
            "set_config('\(name)', '\(Swift.max(1, limit.wholeMicroseconds / 1000))', \(isLocal))"
        }
        let settings = [
            set("statement_timeout", statement), set("lock_timeout", lock),
            set("idle_in_transaction_session_timeout", statement * 2),
        ]
        return "SELECT " + settings.joined(separator: ", ")
    }
}
