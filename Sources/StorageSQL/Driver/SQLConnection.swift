public import ClusterCore

/// One connection to a database, as a driver gives it.
///
/// A connection is used by one thread at a time, on which all calls block; a pool gives each its own. Drivers classify
/// errors and do nothing else about them: retrying lives in ``SQLBackend`` alone. Messages of the ``StorageError``s
/// they throw quote no bound value.
///
/// Statements are written with `?` for each value, in order, and contain no other `?`; a driver for a database with
/// other placeholders gets them rewritten by ``SQLDialect/rendered(_:)``, which it calls before it prepares.
public protocol SQLConnection: AnyObject {
    /// What differs from other databases.
    var dialect: any SQLDialect { get }

    /// Whether the connection can still be used; `false` once it was lost, then the pool throws it away.
    var isUsable: Bool { get }

    /// Runs a statement that gives no rows.
    ///
    /// - Returns: How many rows it inserted, updated (even to the same values) or deleted; 0 for other statements.
    /// - Throws: ``StorageError``; for a violated rule `constraint` with the name of the index or, as
    ///   `table.column,table.column`, its columns.
    @discardableResult
    func execute(_ statement: String, _ values: [SQLValue]) throws -> Int

    /// Runs a statement that gives rows, and `body` for each, in order. An error of `body` ends the statement.
    ///
    /// - Throws: ``StorageError``; what `body` threw.
    func query(_ statement: String, _ values: [SQLValue], _ body: (_ row: [SQLValue]) throws -> Void) throws

    /// Begins a transaction: one that sees a single state of the database, and for ``TransactionMode/write`` acts as
    /// if no other ran at the same time.
    func begin(_ mode: TransactionMode) throws

    /// Commits the transaction.
    ///
    /// - Throws: ``StorageError`` with `conflict` when it was rolled back, `commitUnknown` when no answer came.
    func commit() throws

    /// Rolls the transaction back, if there is one. Never throws: a connection that cannot is not usable any more.
    func rollback()

    /// The database's clock. Where the database has none (SQLite) the clock that the driver was given.
    func serverTime() throws -> Timestamp

    /// What the database is, found out without writing to it.
    func inspect() throws -> DatabaseIdentity

    /// Marks an empty database as ours, inside of the transaction of the first migration step.
    func claim() throws

    /// Waits, outside of a transaction, until there may be a change of configuration: until a transaction that ran
    /// ``SQLDialect/announcement`` was committed since the last call, or for `limit`, 250 ms at most. The first call
    /// begins to listen. A change that goes unnoticed is found by polling, so nothing is lost with a notification.
    ///
    /// - Returns: Whether there may be a change; `nil` at once where the database cannot tell.
    /// - Throws: ``ClusterCore/StorageError`` when the connection is lost.
    func waitForNotification(upTo limit: Duration) throws -> Bool?

    /// What stops the statement that runs, from another thread.
    var canceller: (any StatementCanceller)? { get }

    /// Gives the connection back. It is not used afterwards.
    func close()
}

extension SQLConnection {
    /// None.
    public var canceller: (any StatementCanceller)? { nil }

    /// None.
    public func waitForNotification(upTo limit: Duration) throws -> Bool? { nil }

    /// Runs a statement that gives rows, at most a few.
    ///
    /// - Returns: The rows, in order.
    /// - Throws: ``StorageError``.
    public func rows(_ statement: String, _ values: [SQLValue] = []) throws -> [[SQLValue]] {
        var rows: [[SQLValue]] = []
        try query(statement, values) { rows.append($0) }
        return rows
    }

    /// Runs a statement without values that gives no rows.
    ///
    /// - Throws: ``StorageError``.
    public func execute(_ statement: String) throws {
        try execute(statement, [])
    }
}

/// Stops what a connection does at the moment.
public protocol StatementCanceller: Sendable {
    /// Has the server stop the statement that runs, which then fails with `timeout`; a commit is never stopped. Does
    /// nothing when none runs. Blocks until the server was told, a few seconds at most; call it from any thread but
    /// those of the cooperative pool.
    func cancel()
}

/// What a transaction is for.
public enum TransactionMode: Hashable, Sendable {
    /// Reads one state of the database.
    case read
    /// Reads and writes.
    case write
}

/// What a connection is opened for.
public struct ConnectionRequest: Hashable, Sendable {
    /// What its transactions do: one for ``TransactionMode/read`` never writes, one for ``TransactionMode/write`` does
    /// both.
    public var mode: TransactionMode
    /// How long statements and connecting may take; `nil` for what the driver was told for all.
    public var limits: LaneLimits?

    /// Makes a request of its parts, which are explained at the properties.
    public init(mode: TransactionMode, limits: LaneLimits? = nil) {
        self.mode = mode
        self.limits = limits
    }
}

/// What a database turned out to be.
public enum DatabaseIdentity: Hashable, Sendable {
    /// Nothing is in it.
    case empty
    /// Ours.
    case ours
    /// Something else's; the text says how one can tell.
    case foreign(String)
}
