public import ClusterCore

/// A ``ClusterCore/StorageBackend`` over any SQL driver: pools of connections with a thread each, transactions, the
/// stores written once in SQL, and the only place where transactions are run again.
public final class SQLBackend: StorageBackend {
    let options: Options
    let open: @Sendable (ConnectionRequest) throws -> any SQLConnection
    let lanes = OpenLanes()
    private let readers: ConnectionPool
    private let writers: ConnectionPool
    private let metrics: TransactionMetrics

    /// - Parameters:
    ///   - options: How the backend works.
    ///   - open: Opens a connection for a use; called on the thread that the connection will be used on.
    public init(
        options: Options, open: @escaping @Sendable (ConnectionRequest) throws -> any SQLConnection
    ) {
        func pool(_ name: String, _ mode: TransactionMode, _ maximum: Int) -> ConnectionPool {
            ConnectionPool(name: name, maximum: maximum, limits: options.pool, environment: options.environment) {
                try open(ConnectionRequest(mode: mode))
            }
        }
        self.options = options
        self.open = open
        self.readers = pool("sql-read", .read, options.readers)
        self.writers = pool("sql-write", .write, options.writers)
        self.metrics = TransactionMetrics(lane: nil)
    }

    /// A lane: one connection for everything.
    init(
        lane name: String, limits: LaneLimits, options: Options,
        open: @escaping @Sendable (ConnectionRequest) throws -> any SQLConnection
    ) {
        var options = options
        options.pool.minimum = 1
        options.pool.wait = limits.wait
        options.retry.time = Swift.min(options.retry.time, limits.wait)
        self.options = options
        self.open = open
        self.writers = ConnectionPool(
            name: "sql-\(name)", maximum: 1, limits: options.pool, environment: options.environment
        ) {
            try open(ConnectionRequest(mode: .write, limits: limits))
        }
        self.readers = writers
        self.metrics = TransactionMetrics(lane: name)
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
                metrics.retried(after: error)
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
            case .done(let value):
                metrics.confirmed(after: options.environment.uptime() - run.begin)
                return value
            case .fail(let error): throw Self.told(error)
            case .retry(let error):
                metrics.retried(after: error)
                try await attempts.resolving { try await run.pause() }
            }
        }
    }

    /// Waits for what is under way and closes all connections; see ``ClusterCore/StorageBackend/close()``.
    public func close() async {
        await lanes.close()
        await writers.close()
        await readers.close()
    }

    /// A statement that was stopped because its task was cancelled is no timeout.
    private static func told(_ error: any Error) -> any Error {
        (error as? StorageError)?.code == .timeout && Task.isCancelled ? CancellationError() : error
    }

    /// Most bodies run one statement, which sees one state of the database by itself and is sent without a transaction
    /// around it. A body that goes on to a second one is run anew, within a transaction.
    private static func reading<T>(
        _ connection: any SQLConnection, _ options: Options, _ body: (any StorageReader) throws -> T
    ) throws -> T {
        let (result, isWhole) = outcome(of: body, on: connection, options, statements: 1)
        if isWhole { return try result.get() }
        try connection.begin(.read)
        defer { connection.rollback() }
        return try outcome(of: body, on: connection, options, statements: .max).result.get()
    }

    private static func outcome<T>(
        of body: (any StorageReader) throws -> T, on connection: any SQLConnection, _ options: Options, statements: Int
    ) -> (result: Result<T, any Error>, isWhole: Bool) {
        let transaction = SQLTransaction(
            connection, mode: .read, statements: statements, authenticator: options.authenticator,
            random: options.environment.random)
        defer { transaction.end() }
        let result = Result { try body(SQLReader(transaction: transaction)) }
        return (result, !transaction.isCutShort)
    }
}
