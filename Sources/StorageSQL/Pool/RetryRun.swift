internal import ClusterCore

/// How far the tries of one transaction have come.
struct RetryRun {
    private let policy: RetryPolicy
    private let environment: StorageEnvironment
    /// When the first try began.
    let begin: Duration
    private var failures = 0
    /// Whether the server was there at one of the tries.
    private var wasReached = false

    init(_ options: SQLBackend.Options) {
        self.policy = options.retry
        self.environment = options.environment
        self.begin = options.environment.uptime()
    }

    /// Whether a try that failed is followed by another; counts it.
    mutating func mayRetry(_ error: StorageError) -> Bool {
        failures += 1
        let mayPass: Bool
        switch error.code {
        case .conflict, .busy, .connectionLost, .commitUnknown: mayPass = true
        case .readOnly: mayPass = policy.retriesReadOnly
        // It was there a moment ago, so it is restarting or another one takes over.
        case .unavailable: mayPass = wasReached
        default: mayPass = false
        }
        wasReached = wasReached || (mayPass && error.code != .busy)
        return mayPass && failures < policy.tries
            && environment.uptime() - begin < policy.time
    }

    /// Waits before the next try.
    func pause() async throws {
        var generator = environment.generator
        try await environment.sleep(policy.delay(after: failures, using: &generator))
    }
}
