internal import CMariaDB
internal import ClusterCore
internal import Foundation
internal import Glibc
internal import StorageSQL
internal import Synchronization

/// Stops the statement of a connection, from another thread: by a connection of its own when it is asked to, or when a
/// statement takes too long; by cutting the connection when that does not help.
final class MySQLStopper: StatementCanceller {
    private struct State {
        /// When what runs began.
        var since: Duration?
        /// How many statements were run.
        var turn = 0
        var isStoppable = false
        var wasStopped = false
        var hasKilled = false
        var socket: CInt?
        /// The connection's number, and from where the server thinks that it comes.
        var thread: String?
        var origin: [String] = []
    }

    private let servers: MySQLServers
    private let host: MySQLAddress.Host
    private let limits: MySQLLimits
    private let state: Mutex<State>

    init(_ servers: MySQLServers, _ host: MySQLAddress.Host, socket: CInt, _ limits: MySQLLimits) {
        self.servers = servers
        self.host = host
        self.limits = limits
        state = Mutex(State(socket: socket))
        servers.watch.add(self)
    }

    /// Whether the server was told to stop a statement: it may obey only at the next one, so there should be none.
    var hasKilled: Bool { state.withLock { $0.hasKilled } }

    /// Learns by what the server knows the connection.
    func know(_ thread: String, at origin: [String]) {
        guard UInt64(thread) != nil else { return }
        state.withLock {
            $0.thread = thread
            $0.origin = origin
        }
    }

    /// Runs what waits for the server. Whoever is about to stop it is waited for, so that it hits no later statement.
    func running<T>(stoppable: Bool = true, _ body: () throws -> T) rethrows -> T {
        let now = servers.environment.uptime()
        state.withLock { state in
            state.since = now
            state.turn += 1
            state.isStoppable = stoppable
            state.wasStopped = false
        }
        defer {
            state.withLock { state in
                state.since = nil
                state.isStoppable = false
            }
        }
        return try body()
    }

    /// Forgets the connection, before it is closed.
    func retire() {
        servers.watch.remove(self)
        state.withLock { $0.socket = nil }
    }

    func cancel() {
        let (turn, thread, origin) = state.withLock { ($0.isStoppable ? $0.turn : nil, $0.thread, $0.origin) }
        guard let turn, let thread else { return }
        MySQLLink.ignoreBrokenPipes()
        guard let handle = try? servers.connect(to: host, limits.stopping) else { return }
        defer { mysql_close(handle) }
        // The host's name may lead to another server by now, on which the number is someone else's.
        let sql = "SELECT host FROM information_schema.processlist WHERE id = \(thread)"
        guard MySQLWire.row(handle, sql) == origin else { return }
        state.withLock { state in
            guard state.isStoppable, state.turn == turn else { return }
            state.hasKilled = true
            _ = mysql_query(handle, "KILL QUERY \(thread)")
        }
    }

    /// Stops a statement that takes too long, and cuts the connection when the server does not say anything even then.
    /// Does nothing while someone is about to stop it.
    func check() {
        let now = servers.environment.uptime()
        let mustStop = state.withLockIfAvailable { state in
            guard let since = state.since else { return false }
            if now - since > limits.statement + limits.grace, let socket = state.socket {
                shutdown(socket, CInt(SHUT_RDWR))
                return false
            }
            let isLate = now - since > limits.statement + .milliseconds(500)
            defer { if isLate { state.wasStopped = true } }
            return isLate && state.isStoppable && !state.wasStopped
        }
        guard mustStop == true else { return }
        Thread { [self] in cancel() }.start()
    }
}

/// Looks now and then whether a statement takes too long. The library's own limits count from byte to byte.
final class MySQLWatch: Sendable {
    /// How often it looks.
    private static let interval = 0.5

    private struct State {
        var stoppers: [ObjectIdentifier: MySQLStopper] = [:]
        var isRunning = false
    }

    private let state = Mutex(State())

    func add(_ stopper: MySQLStopper) {
        let begins = state.withLock { state in
            state.stoppers[ObjectIdentifier(stopper)] = stopper
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard begins else { return }
        let thread = Thread { [self] in run() }
        thread.name = "sql-watch"
        thread.start()
    }

    func remove(_ stopper: MySQLStopper) {
        state.withLock { $0.stoppers[ObjectIdentifier(stopper)] = nil }
    }

    /// Goes on while there are connections.
    private func run() {
        while true {
            Thread.sleep(forTimeInterval: Self.interval)
            let stoppers = state.withLock { state in
                state.isRunning = !state.stoppers.isEmpty
                return Array(state.stoppers.values)
            }
            if stoppers.isEmpty { return }
            for stopper in stoppers { stopper.check() }
        }
    }
}
