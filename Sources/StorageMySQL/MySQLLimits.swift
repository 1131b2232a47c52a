internal import ClusterCore

/// How long a connection waits for its server.
struct MySQLLimits: Sendable {
    /// For each server to be connected to.
    var connect: Duration
    /// For a statement.
    var statement: Duration
    /// For a row that another transaction has locked, in whole seconds.
    var lock: Duration

    /// How long a server has, beyond a statement's limit, to say that the limit passed.
    var grace: Duration { min(max(statement, .seconds(2)), .seconds(5)) }

    /// The limits of a connection that only tells the server to stop the statement of another one.
    var stopping: MySQLLimits {
        var limits = self
        limits.statement = min(statement, .seconds(1))
        return limits
    }

    /// - Parameters:
    ///   - options: The limits for all connections.
    ///   - address: Its limit goes before that of the options; its hosts share what a lane has.
    ///   - lane: The limits of a lane.
    init(_ options: MySQLOptions, _ address: MySQLAddress, lane: LaneLimits? = nil) {
        connect = address.connectTimeout ?? options.connectTimeout
        statement = options.statementTimeout
        lock = options.lockTimeout
        guard let lane else { return }
        connect = min(connect, lane.connect / max(address.hosts.count, 1))
        statement = min(statement, lane.statement)
        lock = min(lock, lane.statement)
    }
}
