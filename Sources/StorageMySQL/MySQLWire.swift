internal import CMariaDB
internal import ClusterCore
internal import StorageSQL

/// A connection of libmariadb, with what was sent on it and not answered yet. Used by one thread at a time.
final class MySQLWire {
    /// Stops the statement that runs.
    let stopper: MySQLStopper
    /// Whether the connection is of no use any more.
    private(set) var isLost = false
    private let handle: UnsafeMutablePointer<MYSQL>
    private let servers: MySQLServers
    private let host: MySQLAddress.Host
    private let departures: Int
    /// Whether a `ROLLBACK` was sent whose answer was not read.
    private var awaitsRollback = false
    private var isClosed = false

    /// Takes the handle over.
    init(
        _ handle: UnsafeMutablePointer<MYSQL>, to host: MySQLAddress.Host, of servers: MySQLServers,
        _ options: MySQLOptions
    ) {
        self.handle = handle
        self.host = host
        self.servers = servers
        departures = servers.departures(from: host)
        stopper = MySQLStopper(servers, host, socket: mysql_get_socket(handle), options)
    }

    /// Whether nobody found since it was made that its server should be left.
    var isWanted: Bool { servers.departures(from: host) == departures }

    /// What the server calls itself.
    var serverVersion: String { mysql_get_server_info(handle).map { String(cString: $0) } ?? "" }

    /// A statement to be prepared; `nil` when there is no memory.
    func makeStatement() -> UnsafeMutablePointer<MYSQL_STMT>? { mysql_stmt_init(handle) }

    /// Runs what sends a request and reads its answer, so that it can be stopped.
    ///
    /// - Returns: Whether it went well.
    func run(_ body: () -> Bool) -> Bool {
        stopper.running {
            // The answer to a rollback comes first; it is mostly there by now, and cheap to read.
            drain() && body()
        }
    }

    /// Runs a statement without values and rows.
    ///
    /// - Throws: ``ClusterCore/StorageError``.
    func simple(_ statement: String) throws {
        guard !isLost else { throw MySQLFailure.lost }
        guard run({ mysql_query(handle, statement) == 0 }) else {
            let failure = isLost ? .gone : MySQLFailure(connection: handle)
            if failure.endsConnection { lose(failure) }
            throw failure.error()
        }
    }

    /// The first row of a statement without values; empty when there is none.
    ///
    /// - Throws: ``ClusterCore/StorageError``.
    func row(_ statement: String) throws -> [String] {
        try simple(statement)
        return stopper.running { Self.firstRow(handle) }
    }

    /// The first row of a statement without values, on a handle that has no wire; empty when that fails.
    static func row(_ handle: UnsafeMutablePointer<MYSQL>, _ statement: String) -> [String] {
        mysql_query(handle, statement) == 0 ? firstRow(handle) : []
    }

    private static func firstRow(_ handle: UnsafeMutablePointer<MYSQL>) -> [String] {
        guard let result = mysql_store_result(handle) else { return [] }
        defer { mysql_free_result(result) }
        guard let row = mysql_fetch_row(result) else { return [] }
        return (0..<Int(mysql_num_fields(result))).map { index in row[index].map { String(cString: $0) } ?? "" }
    }

    /// Commits.
    ///
    /// - Returns: What failed.
    func commit() -> MySQLFailure? {
        stopper.running(stoppable: false) {
            mysql_query(handle, "COMMIT") == 0 ? nil : MySQLFailure(connection: handle)
        }
    }

    /// Rolls back. Whoever does not wait learns of a failure with the next statement.
    func rollback(waiting: Bool) {
        let isSent = stopper.running(stoppable: false) {
            mysql_send_query(handle, "ROLLBACK", 8) == 0
        }
        guard isSent else { return lose() }
        awaitsRollback = true
        if waiting { stopper.running(stoppable: false) { _ = drain() } }
    }

    /// Takes the connection for lost. The host is avoided for a while when that says something about it.
    func lose(_ failure: MySQLFailure? = nil) {
        isLost = true
        if failure?.condemnsServer == true { servers.leave(host) }
    }

    /// Closes the connection; later calls do nothing.
    func close() {
        isLost = true
        guard !isClosed else { return }
        isClosed = true
        stopper.retire()
        mysql_close(handle)
    }

    /// Reads the answer to a rollback that was not waited for. Unless it went well, what follows would run in the
    /// transaction that should have ended.
    private func drain() -> Bool {
        guard awaitsRollback else { return true }
        awaitsRollback = false
        if mysql_read_query_result(handle) != 0 { lose(MySQLFailure(connection: handle)) }
        return !isLost
    }
}
