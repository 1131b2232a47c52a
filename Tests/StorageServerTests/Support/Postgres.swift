import ClusterCore
import DatabaseServers
import StoragePostgres
import StorageSQL
import Testing

/// Connections to PostgreSQL servers of a test's own.
enum Postgres {
    static func options(statement: Duration = .seconds(10), lock: Duration = .seconds(3)) -> PostgresOptions {
        PostgresOptions(
            authenticator: TestKey.authenticator, statementTimeout: statement, lockTimeout: lock,
            retry: RetryPolicy(tries: 60, time: .seconds(30), retriesReadOnly: true))
    }

    /// Connects; blocks.
    static func connect(_ url: String, _ options: PostgresOptions = options()) throws -> any SQLConnection {
        try PostgresBackend.connect(try #require(try PostgresAddress(url: url)), options: options)
    }

    /// Connects and closes at once.
    ///
    /// - Returns: Why it could not, and how long it took.
    static func attempt(_ url: String) async -> (error: StorageError?, took: Duration) {
        let start = ContinuousClock.now
        let error = await failure { try await onBlockingThread("attempt") { try connect(url).close() } }
        return (error, ContinuousClock.now - start)
    }

    static func open(
        _ url: String, _ mode: DatabaseOpenMode = .create, _ options: PostgresOptions = options()
    ) async throws -> SQLBackend {
        try await PostgresBackend.open(try #require(try PostgresAddress(url: url)), mode: mode, options: options)
    }

    /// Makes an empty database on a server, and gives its URL.
    static func makeDatabase(on server: PostgresServer, _ name: String = "kit") async throws -> String {
        try await onBlockingThread("database") { try server.createDatabase(name) }
        return server.url(database: name)
    }
}
