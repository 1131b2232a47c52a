public import ClusterCore
internal import Glibc
public import StorageSQL

/// How a MySQL or MariaDB backend works.
public struct MySQLOptions: Sendable {
    /// Authenticates the rows that decide who gets in.
    public var authenticator: any RowAuthenticator
    /// Time and randomness; the time of day is the server's.
    public var environment: StorageEnvironment
    /// The most connections, and threads, for reading, 1 to 16.
    public var readers: Int
    /// The most connections, and threads, for writing, 1 to 16.
    public var writers: Int
    /// How long each host has to answer at connect, in whole seconds. `connect-timeout` in the URL goes before it.
    public var connectTimeout: Duration
    /// How long a statement may take; MySQL, unlike MariaDB, holds only reading statements to it.
    public var statementTimeout: Duration
    /// How long a statement waits for a row that another transaction has locked, in whole seconds.
    public var lockTimeout: Duration
    /// How often and how long a transaction is tried.
    public var retry: RetryPolicy
    /// How connections are kept.
    public var pool: PoolLimits
    /// The schema that a database is brought to.
    package var migrator = Migrator()

    /// Makes the value of its parts, which are explained at the properties.
    public init(
        authenticator: any RowAuthenticator, environment: StorageEnvironment = .system, readers: Int = 4,
        writers: Int = 4, connectTimeout: Duration = .seconds(5), statementTimeout: Duration = .seconds(10),
        lockTimeout: Duration = .seconds(5), retry: RetryPolicy = RetryPolicy(retriesReadOnly: true),
        pool: PoolLimits = PoolLimits()
    ) {
        self.authenticator = authenticator
        self.environment = environment
        self.readers = readers
        self.writers = writers
        self.connectTimeout = connectTimeout
        self.statementTimeout = statementTimeout
        self.lockTimeout = lockTimeout
        self.retry = retry
        self.pool = pool
    }
}

/// A store in a database of MariaDB 10.6 or later, or MySQL 8 or later, on one server or on several that are all
/// written to (Galera, group replication).
///
/// Transactions that write are `SERIALIZABLE`, those that read take one consistent snapshot; any of them may fail with a
/// deadlock, also at its commit, and is run again. A commit whose answer is lost is found out by a marker row. Every
/// connect resolves the names of hosts anew. The server's SQL mode does not matter: each session is strict.
public enum MySQLBackend {
    /// Opens a database.
    ///
    /// - Parameters:
    ///   - address: Where it is.
    ///   - mode: What may be done to it.
    ///   - options: How the backend works.
    /// - Throws: ``ClusterCore/StorageError``: `unavailable` or `timeout` when the server cannot be reached or trusted;
    ///   `permission`; `notFound` when there is no such database or nothing is in it; `foreign` when it belongs to
    ///   something else; `schemaTooNew`, `schemaTooOld`; `readOnly`; `busy` while another process migrates it.
    public static func open(
        _ address: MySQLAddress, mode: DatabaseOpenMode, options: MySQLOptions
    ) async throws -> SQLBackend {
        let preparation = ServerPreparation(
            mode: mode, migrator: options.migrator, environment: options.environment, pause: { usleep(100_000) })
        let servers = MySQLServers(address, environment: options.environment)
        try await onBlockingThread("sql-open") {
            let connection = try servers.open(MySQLLimits(options, address))
            defer { connection.close() }
            do {
                try preparation.run(on: connection)
            } catch var error as StorageError where error.code == .connectionLost {
                error.code = .unavailable
                throw error
            }
        }
        let shared = SQLBackend.Options(
            authenticator: options.authenticator, environment: options.environment,
            retry: options.retry, pool: options.pool,
            readers: options.readers, writers: options.writers)
        return SQLBackend(options: shared) { request in
            try servers.open(MySQLLimits(options, address, lane: request.limits))
        }
    }

    /// One connection, for the tests of drivers. Blocks.
    package static func connect(_ address: MySQLAddress, options: MySQLOptions) throws -> any SQLConnection {
        try MySQLServers(address, environment: options.environment).open(MySQLLimits(options, address))
    }
}
