internal import ClusterCore
internal import CoreMetrics
internal import Logging

/// Looks whether the configuration changed, on a lane of its own, and takes a new snapshot when it did.
final class ChangeWatcher: Sendable {
    private let backend: any StorageBackend
    private let key: ClusterKey
    private let clock: StoreClock
    private let logger: Logger
    private let metrics: NodeMetrics
    private let apply: @Sendable (Snapshot) -> Void

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

    /// Watches until the task is cancelled or the backend closed.
    ///
    /// - Parameter snapshot: What the node works with at first.
    func run(from snapshot: Snapshot) async {
        var present = snapshot
        var reach = StoreReach(since: Uptime.now())
        var isWatching = true
        while isWatching {
            let interval = present.settings[.changePollInterval]
            isWatching = false
            for await sighting in backend.watch(every: interval) {
                note(sighting, &reach)
                if let next = await changed(sighting, present) { present = next }
                isWatching = present.settings[.changePollInterval] != interval
                if isWatching { break }
            }
        }
    }

    /// The configuration that a look has shown to be another one, taken over.
    ///
    /// - Returns: `nil` when it is the same, or cannot be read; the next look shows it again.
    private func changed(_ sighting: StoreSighting, _ present: Snapshot) async -> Snapshot? {
        guard case .read(let revision, _, _) = sighting, revision != present.revision else { return nil }
        do {
            let key = key
            let next = try await backend.read { try Snapshot.load(from: $0, key: key) }
            apply(next)
            metrics.applied.increment()
            logger.info("configuration applied", metadata: ["revision": "\(next.revision)"])
            let known = Set(present.problems)
            for problem in next.problems where !known.contains(problem) { logger.error("\(problem)") }
            return next
        } catch {
            guard !Task.isCancelled else { return nil }
            metrics.pollFailures.increment()
            logger.warning("a change of configuration could not be read yet", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Takes over the store's time, and says once that the store is away, and once that it is back.
    private func note(_ sighting: StoreSighting, _ reach: inout StoreReach) {
        let change = reach.note(sighting, now: Uptime.now())
        switch sighting {
        case .read(_, let time, _): clock.set(time)
        case .failed: metrics.pollFailures.increment()
        }
        switch change {
        case .lost:
            let reason = if case .failed(let error, _) = sighting { "\(error)" } else { "it answers too slowly" }
            logger.error(
                "the store cannot be read; the node goes on with the configuration that it has",
                metadata: ["error": "\(reason)"])
        case .found: logger.notice("the store can be read again")
        case nil: break
        }
    }
}
