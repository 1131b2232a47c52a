public import ClusterCore

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
    private let readers: ConnectionPool
    private let writers: ConnectionPool

    /// - Parameters:
    ///   - options: How the backend works.
    ///   - open: Opens a connection for a use; called on the thread that the connection will be used on.
    public init(
        options: Options, open: @escaping @Sendable (TransactionMode) throws -> any SQLConnection
    ) {
        func pool(_ name: String, _ mode: TransactionMode, _ maximum: Int) -> ConnectionPool {
            let limits = ConnectionPool.Limits(
                maximum: Swift.min(Swift.max(maximum, 1), 16), wait: options.connectionWait)
            return ConnectionPool(name: name, limits: limits, environment: options.environment) { try open(mode) }
        }
        self.options = options
        self.readers = pool("sql-read", .read, options.readers)
        self.writers = pool("sql-write", .write, options.writers)
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

    /// Runs `body` in a transaction and commits it; see ``ClusterCore/StorageBackend/write(_:)``.
    ///
    /// When the task is cancelled, the statement that runs is stopped on servers that can, and `CancellationError` thrown:
    /// nothing was written then. A commit that is under way is not stopped.
    @discardableResult
    public func write<T: Sendable>(
        _ body: @escaping @Sendable (any StorageWriter) throws -> T
    ) async throws -> T {
        var generator = options.environment.generator
        var attempts = WriteAttempts<T>(marker: ChangeID(using: &generator))
        var run = RetryRun(options)
        while true {
            let attempt = attempts.next()
            let outcome: WriteOutcome<T>
            do {
                outcome = try await writers.withConnection { [options] connection in
                    WriteTransaction(connection: connection, options: options, attempt: attempt).run(body)
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

    /// Waits for what is under way and closes all connections; see ``ClusterCore/StorageBackend/close()``.
    public func close() async {
        await writers.close()
        await readers.close()
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
