public import ClusterCore
internal import StorageMySQL
internal import StoragePostgres
public import StorageSQL
internal import StorageSQLite

/// How a backend works, whatever its database is.
public struct DatabaseOptions: Sendable {
    /// Authenticates the rows that decide who gets in.
    public var authenticator: any RowAuthenticator
    /// Time and randomness.
    public var environment: StorageEnvironment
    /// The most connections, and threads, for reading, 1 to 16.
    public var readers: Int
    /// The most connections, and threads, for writing, 1 to 16; SQLite has one whatever is said.
    public var writers: Int
    /// How long each host of a server has to answer at connect; what the URL says goes before it.
    public var connectTimeout: Duration
    /// How long a statement may take on a server.
    public var statementTimeout: Duration
    /// How long a statement waits for a lock, of a row on a server and of the file on SQLite.
    public var lockTimeout: Duration
    /// How often and how long a transaction is tried. A read-only server is tried again, a read-only file is not.
    public var retry: RetryPolicy
    /// How connections are kept.
    public var pool: PoolLimits
    /// The node that starts, which migrates its own SQLite file: it is not in the way of that itself.
    public var node: NodeID?

    /// Makes the value of its parts, which are explained at the properties.
    public init(
        authenticator: any RowAuthenticator, environment: StorageEnvironment = .system, readers: Int = 4,
        writers: Int = 4, connectTimeout: Duration = .seconds(5), statementTimeout: Duration = .seconds(10),
        lockTimeout: Duration = .seconds(2), retry: RetryPolicy = RetryPolicy(), pool: PoolLimits = PoolLimits(),
        node: NodeID? = nil
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
        self.node = node
    }

    var sqlite: SQLiteOptions {
        SQLiteOptions(
            authenticator: authenticator, environment: environment, readers: readers, busyTimeout: lockTimeout,
            retry: retry, pool: pool, node: node)
    }

    var mysql: MySQLOptions {
        MySQLOptions(
            authenticator: authenticator, environment: environment, readers: readers, writers: writers,
            connectTimeout: connectTimeout, statementTimeout: statementTimeout, lockTimeout: lockTimeout,
            retry: serverRetry, pool: pool)
    }

    var postgres: PostgresOptions {
        PostgresOptions(
            authenticator: authenticator, environment: environment, readers: readers, writers: writers,
            connectTimeout: connectTimeout, statementTimeout: statementTimeout, lockTimeout: lockTimeout,
            retry: serverRetry, pool: pool)
    }

    private var serverRetry: RetryPolicy {
        var policy = retry
        policy.retriesReadOnly = true
        return policy
    }
}
