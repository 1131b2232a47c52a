public import ClusterCore

extension SQLBackend {
    /// How a backend works, apart from its database.
    public struct Options: Sendable {
        /// Authenticates the rows that decide who gets in.
        public var authenticator: any RowAuthenticator
        /// Time and randomness.
        public var environment: StorageEnvironment
        /// How often and how long a transaction is tried.
        public var retry: RetryPolicy
        /// How connections are kept.
        public var pool: PoolLimits
        /// The most connections, and threads, for reading, 1 to 16.
        public var readers: Int
        /// The most connections, and threads, for writing, 1 to 16; a database with a single writer has 1.
        public var writers: Int

        /// Makes the options of their parts, which are explained at the properties.
        public init(
            authenticator: any RowAuthenticator, environment: StorageEnvironment = .system,
            retry: RetryPolicy = RetryPolicy(), pool: PoolLimits = PoolLimits(), readers: Int = 4,
            writers: Int = 1
        ) {
            self.authenticator = authenticator
            self.environment = environment
            self.retry = retry
            self.pool = pool
            self.readers = readers
            self.writers = writers
        }
    }
}
