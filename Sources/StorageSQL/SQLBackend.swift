public import ClusterCore
internal import Synchronization

/// A ``ClusterCore/StorageBackend`` over any SQL driver: pools of connections with a thread each, transactions, the
/// stores written once in SQL, and the only place where transactions are run again.
public final class SQLBackend: StorageBackend {
    /// How a backend works, apart from its database.
    public struct Options: Sendable {
        /// Authenticates the rows that decide who gets in.
        public var authenticator: any RowAuthenticator
        /// Time and randomness.
        public var environment: StorageEnvironment
        /// How often and how long a transaction is tried.
        public var retry: RetryPolicy
        /// How long one waits for a connection.
        public var connectionWait: Duration
        /// The most connections, and threads, for reading, 1 to 16.
        public var readers: Int
        /// The most connections, and threads, for writing, 1 to 16; a database with a single writer has 1.
        public var writers: Int

        /// Makes the options of their parts, which are explained at the properties.
        public init(
            authenticator: any RowAuthenticator, environment: StorageEnvironment = .system,
            retry: RetryPolicy = RetryPolicy(), connectionWait: Duration = .seconds(10), readers: Int = 4,
            writers: Int = 1
        ) {
            self.authenticator = authenticator
            self.environment = environment
            self.retry = retry
            self.connectionWait = connectionWait
            self.readers = readers
            self.writers = writers
        }
    }

    private let options: Options
    private let open: @Sendable (ConnectionRequest) throws -> any SQLConnection
    private let readers: ConnectionPool
    private let writers: ConnectionPool
    private let lanes = Mutex(Lanes())

    private struct Lanes {
        var open: [SQLBackend] = []
        var isClosed = false
    }

    /// - Parameters:
    ///   - options: How the backend works.
    ///   - open: Opens a connection for a use; called on the thread that the connection will be used on.
    public init(
        options: Options, open: @escaping @Sendable (ConnectionRequest) throws -> any SQLConnection
    ) {
        func pool(_ name: String, _ mode: TransactionMode, _ maximum: Int) -> ConnectionPool {
            let limits = ConnectionPool.Limits(
                maximum: Swift.min(Swift.max(maximum, 1), 16), wait: options.connectionWait)
            return ConnectionPool(name: name, limits: limits, environment: options.environment) {
                try open(ConnectionRequest(mode: mode))
            }
        }
        self.options = options
        self.open = open
        self.readers = pool("sql-read", .read, options.readers)
        self.writers = pool("sql-write", .write, options.writers)
    }

    /// A lane: one connection for everything.
    private init(
        lane name: String, limits: LaneLimits, options: Options,
        open: @escaping @Sendable (ConnectionRequest) throws -> any SQLConnection
    ) {
        var options = options
        options.connectionWait = limits.wait
        options.retry.time = Swift.min(options.retry.time, limits.wait)
        self.options = options
        self.open = open
        self.writers = ConnectionPool(
            name: "sql-\(name)", limits: .init(maximum: 1, wait: limits.wait), environment: options.environment
        ) {
            try open(ConnectionRequest(mode: .write, limits: limits))
        }
        self.readers = writers
    }

    /// Runs `body` on a connection for reading or writing, outside of a transaction, on its thread.
    ///
    /// - Throws: What `body` threw; ``ClusterCore/StorageError`` when there is no connection.
    public func withConnection<T: Sendable>(
        _ mode: TransactionMode, _ body: @escaping @Sendable (any SQLConnection) throws -> T
    ) async throws -> T {
        try await (mode == .read ? readers : writers).withConnection(body)
    }

    /// Runs `body` on one consistent state of the store; see ``ClusterCore/StorageBackend/read(_:)``.
    ///
    /// When the task is cancelled, the statement that runs is stopped on servers that can, and `CancellationError` thrown.
    public func read<T: Sendable>(
        _ body: @escaping @Sendable (any StorageReader) throws -> T
    ) async throws -> T {
        var run = RetryRun(options)
        while true {
            do {
                return try await readers.withConnection { [options] connection in
                    try Self.reading(connection, options, body)
                }
            } catch let error as StorageError {
                guard run.mayRetry(error) else { throw Self.told(error) }
                try await run.pause()
            }
        }
    }

    /// Runs `body` in a transaction and commits it; see ``ClusterCore/StorageBackend/write(in:_:)``.
    ///
    /// When the task is cancelled, the statement that runs is stopped on servers that can, and `CancellationError` thrown:
    /// nothing was written then. A commit that is under way is not stopped.
    @discardableResult
    public func write<T: Sendable>(
        in phase: StoreState.Phase, _ body: @escaping @Sendable (any StorageWriter) throws -> T
    ) async throws -> T {
        var generator = options.environment.generator
        var attempts = WriteAttempts<T>(marker: ChangeID(using: &generator))
        var run = RetryRun(options)
        while true {
            let attempt = attempts.next()
            let outcome: WriteOutcome<T>
            do {
                outcome = try await writers.withConnection { [options] connection in
                    WriteTransaction(connection: connection, options: options, attempt: attempt, phase: phase).run(body)
                }
            } catch {
                outcome = .failed(error)
            }
            switch attempts.decide(outcome, mayRetry: { run.mayRetry($0) }) {
            case .done(let value): return value
            case .fail(let error): throw Self.told(error)
            case .retry: try await attempts.resolving { try await run.pause() }
            }
        }
    }

    /// A backend with one connection and thread of its own; see ``ClusterCore/StorageBackend/lane(_:limits:)``.
    public func lane(_ name: String, limits: LaneLimits) async throws -> any StorageBackend {
        let lane = SQLBackend(lane: name, limits: limits, options: options, open: open)
        try lanes.withLock { lanes in
            if lanes.isClosed { throw StorageError.closed }
            lanes.open.removeAll { $0.isClosed }
            lanes.open.append(lane)
        }
        return lane
    }

    /// Looks at the revision again and again; see ``ClusterCore/StorageBackend/watch(every:)``.
    public func watch(every interval: Duration) -> StoreWatch {
        let environment = options.environment
        return StoreWatch(every: interval, uptime: environment.uptime) {
            try await self.lane("watch", limits: .watch)
        } wait: { lane, time in
            try await Self.wait(for: time, environment, on: lane as? SQLBackend)
        }
    }

    /// Waits for what is under way and closes all connections; see ``ClusterCore/StorageBackend/close()``.
    public func close() async {
        let open = lanes.withLock { lanes in
            lanes.isClosed = true
            defer { lanes.open = [] }
            return lanes.open
        }
        for lane in open { await lane.close() }
        await writers.close()
        await readers.close()
    }

    private var isClosed: Bool { lanes.withLock { $0.isClosed } }

    /// Waits for so long, or until the database says that something was changed.
    private static func wait(
        for time: Duration, _ environment: StorageEnvironment, on lane: SQLBackend?
    ) async throws {
        let end = environment.uptime() + time
        while let lane, environment.uptime() < end {
            let part = Swift.min(end - environment.uptime(), .milliseconds(250))
            let answer = try? await lane.withConnection(.read) { try $0.waitForNotification(upTo: part) }
            try Task.checkCancellation()
            // Whoever cannot tell is asked no more; nor is one whose connection is gone.
            guard let isChanged = answer ?? nil else { break }
            if isChanged { return }
        }
        let left = end - environment.uptime()
        if left > .zero { try await environment.sleep(left) }
    }

    /// A statement that was stopped because its task was cancelled is no timeout.
    private static func told(_ error: any Error) -> any Error {
        (error as? StorageError)?.code == .timeout && Task.isCancelled ? CancellationError() : error
    }

    private static func reading<T>(
        _ connection: any SQLConnection, _ options: Options, _ body: (any StorageReader) throws -> T
    ) throws -> T {
        try connection.begin(.read)
        defer { connection.rollback() }
        let transaction = SQLTransaction(
            connection, mode: .read, authenticator: options.authenticator, random: options.environment.random)
        defer { transaction.end() }
        return try body(SQLReader(transaction: transaction))
    }
}
