internal import CMariaDB
internal import ClusterCore
internal import StorageSQL

/// A connection of libmariadb, with what was sent on it and not answered yet. Used by one thread at a time.
///
/// The end of a transaction that read, and the isolation of the next, are sent and not waited for: their answers are read
/// after the next statement was sent. Should one of them be bad, the connection is lost, and with it whatever that
/// statement did.
final class MySQLWire {
    /// Stops the statement that runs.
    let stopper: MySQLStopper
    /// Whether the connection is of no use any more.
    private(set) var isLost = false
    private let handle: UnsafeMutablePointer<MYSQL>
    private let servers: MySQLServers
    private let host: MySQLAddress.Host
    private let departures: Int
    /// How many statements were sent whose answers were not read.
    private var unread = 0
    private var isClosed = false

    /// Takes the handle over.
    init(
        _ handle: UnsafeMutablePointer<MYSQL>, to host: MySQLAddress.Host, of servers: MySQLServers,
        _ limits: MySQLLimits
    ) {
        self.handle = handle
        self.host = host
        self.servers = servers
        departures = servers.departures(from: host)
        stopper = MySQLStopper(servers, host, socket: mysql_get_socket(handle), limits)
    }

    /// Whether nobody found since it was made that its server should be left.
    var isWanted: Bool { servers.departures(from: host) == departures }

    /// What the server calls itself.
    var serverVersion: String { mysql_get_server_info(handle).map { String(cString: $0) } ?? "" }

    /// A statement to be prepared; `nil` when there is no memory.
    func makeStatement() -> UnsafeMutablePointer<MYSQL_STMT>? { mysql_stmt_init(handle) }

    /// Prepares a statement.
    ///
    /// - Returns: Whether it went well.
    func prepare(_ statement: MySQLStatement, _ text: String) -> Bool {
        stopper.running { drain() && statement.prepare(text) }
    }

    /// Runs a prepared statement, up to its rows.
    ///
    /// - Returns: Whether it went well.
    func run(_ statement: MySQLStatement, _ values: [SQLValue], _ parameters: MySQLParameters) -> Bool {
        stopper.running {
            statement.send(values, parameters, on: handle) && drain() && statement.receive(on: handle)
        }
    }

    /// Sends a statement without values and rows. Whoever runs the next one learns of a failure.
    func send(_ statement: String) {
        let isSent = stopper.running(stoppable: false) {
            mysql_send_query(handle, statement, UInt(statement.utf8.count)) == 0
        }
        guard isSent else { return lose(MySQLFailure(connection: handle)) }
        unread += 1
    }

    /// Runs a statement without values and rows.
    ///
    /// - Throws: ``ClusterCore/StorageError``.
    func simple(_ statement: String) throws {
        guard !isLost else { throw MySQLFailure.lost }
        guard stopper.running({ drain() && mysql_query(handle, statement) == 0 }) else {
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

    /// Rolls back.
    func rollback(waiting: Bool) {
        send("ROLLBACK")
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

    /// Reads the answers that were not waited for.
    ///
    /// - Returns: Whether all are good.
    private func drain() -> Bool {
        while unread > 0, !isLost {
            unread -= 1
            if mysql_read_query_result(handle) != 0 { lose(MySQLFailure(connection: handle)) }
        }
        return !isLost
    }
}
