internal import ClusterCore
internal import CoreMetrics
internal import Logging
internal import Synchronization

/// Looks whether the configuration changed, by reading one row, and takes a new snapshot when it did.
final class ChangeWatcher: Sendable {
    /// Readings that fail for so long make the store count as away.
    static let outageAfter = Duration.seconds(2)

    private let backend: any StorageBackend
    private let key: ClusterKey
    private let clock: StoreClock
    private let logger: Logger
    private let metrics: NodeMetrics
    private let apply: @Sendable (Snapshot) -> Void
    private let isAway = Mutex(false)

    init(
        backend: any StorageBackend, key: ClusterKey, clock: StoreClock, logger: Logger, metrics: NodeMetrics,
        apply: @escaping @Sendable (Snapshot) -> Void
    ) {
        self.backend = backend
        self.key = key
        self.clock = clock
        self.logger = logger
        self.metrics = metrics
        self.apply = apply
    }

    /// Watches until the task is cancelled.
    ///
    /// - Parameter snapshot: What the node works with at first.
    func run(from snapshot: Snapshot) async {
        var present = snapshot
        while !Task.isCancelled {
            try? await Task.sleep(for: present.settings[.changePollInterval])
            if let next = await poll(present) { present = next }
        }
    }

    /// One look.
    ///
    /// - Returns: The snapshot that the node works with now; `nil` when nothing changed or the store cannot be read.
    private func poll(_ present: Snapshot) async -> Snapshot? {
        do {
            let (revision, now) = try await backend.read { (try $0.config.revision(), try $0.now()) }
            clock.set(now)
            setAway(false, nil)
            guard revision != present.revision else { return nil }
            let key = key
            let next = try await backend.read { try Snapshot.load(from: $0, key: key) }
            apply(next)
            metrics.applied.increment()
            logger.info("configuration applied", metadata: ["revision": "\(next.revision)"])
            let known = Set(present.problems)
            for problem in next.problems where !known.contains(problem) { logger.error("\(problem)") }
            return next
        } catch {
            if !Task.isCancelled {
                metrics.pollFailures.increment()
                setAway(true, error)
            }
            return nil
        }
    }

    /// Says once that the store is away, and once that it is back.
    private func setAway(_ away: Bool, _ error: (any Error)?) {
        let changed = isAway.withLock { isAway in
            defer { isAway = away }
            return isAway != away
        }
        guard changed else { return }
        if away {
            logger.error(
                "the store cannot be read; the node goes on with the configuration that it has",
                metadata: ["error": "\(error.map { "\($0)" } ?? "")"])
        } else {
            logger.notice("the store can be read again")
        }
    }
}
