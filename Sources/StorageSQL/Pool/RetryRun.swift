internal import ClusterCore

/// How far the tries of one transaction have come.
struct RetryRun {
    private let policy: RetryPolicy
    private let environment: StorageEnvironment
    private let begin: Duration
    private var failures = 0

    init(_ options: SQLBackend.Options) {
        self.policy = options.retry
        self.environment = options.environment
        self.begin = options.environment.uptime()
    }

    /// Whether a try that failed is followed by another; counts it.
    mutating func mayRetry(_ error: StorageError) -> Bool {
        failures += 1
        let passes: Set<StorageError.Code> = [.conflict, .busy, .connectionLost, .commitUnknown]
        let mayPass = passes.contains(error.code) || (policy.retriesReadOnly && error.code == .readOnly)
        return mayPass && failures < policy.tries
            && environment.uptime() - begin < policy.time
    }

    /// Waits before the next try.
    func pause() async throws {
        var generator = environment.generator
        try await environment.sleep(policy.delay(after: failures, using: &generator))
    }
}
