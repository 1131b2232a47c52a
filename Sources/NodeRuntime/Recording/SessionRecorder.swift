internal import ClusterCore
internal import CoreMetrics
internal import Logging
internal import Synchronization
internal import VPNEngine
internal import VPNProtocol

/// Writes what happens to sessions into the store, in batches: begin, end, byte counts, wrong passwords.
///
/// While the store cannot be written, events wait in memory, bounded, and no tunnel is touched.
final class SessionRecorder: EventSink {
    /// The most events of one transaction.
    static let batchLimit = 1000
    /// How many events wait at most.
    static let queueLimit = 100_000
    /// How long events gather before they are written.
    static let gathering = Duration.milliseconds(100)
    /// How long a write that failed is waited for.
    static let retryPause = Duration.seconds(1)
    /// How often the store is asked for the lock of one user at most.
    private static let lockReadPause = Duration.seconds(1)

    private struct State {
        var queue = RecordQueue(limit: SessionRecorder.queueLimit)
        var lease: NodeLease
        var lastLockReads: [UserID: Timestamp] = [:]
        var isFailing = false
    }

    private let backend: any StorageBackend
    private let clock: StoreClock
    private let logger: Logger
    private let metrics: NodeMetrics
    private let rehashing: PasswordRehashing
    private let state: Mutex<State>
    private let engine: Mutex<(any PacketEngine)?> = Mutex(nil)

    init(
        backend: any StorageBackend, lease: NodeLease, clock: StoreClock, rehashing: PasswordRehashing, logger: Logger,
        metrics: NodeMetrics
    ) {
        self.backend = backend
        self.clock = clock
        self.rehashing = rehashing
        self.logger = logger
        self.metrics = metrics
        self.state = Mutex(State(lease: lease))
    }

    /// Says which engine to ask for the figures of sessions.
    func attach(_ engine: any PacketEngine) { self.engine.withLock { $0 = engine } }

    func record(_ event: RecordedEvent) {
        let lost = state.withLock { state in
            let before = state.queue.lostCount
            state.queue.append(event)
            return state.queue.lostCount > before ? state.queue.lostCount : 0
        }
        if lost == 1 || lost.isMultiple(of: 10_000), lost > 0 {
            logger.error(
                "session records are lost: the store has not been writable for too long", metadata: ["lost": "\(lost)"])
        }
    }

    func rehash(_ password: String, of user: UserID, cost: ScryptCost) {
        rehashing.request(password, of: user, cost: cost)
    }

    func storedFailures(of user: UserID) async -> StoredFailures? {
        let now = clock.now
        let isAllowed = state.withLock { state in
            if state.lastLockReads.count > 10_000 { state.lastLockReads = [:] }
            if let last = state.lastLockReads[user], now < last + Self.lockReadPause { return false }
            guard !state.queue.hasFailures(of: user) else { return false }
            state.lastLockReads[user] = now
            return true
        }
        guard isAllowed else { return nil }
        return try? await backend.read { StoredFailures(row: try $0.accounts.loginFailures(of: user)) }
    }

    /// Writes until the task is cancelled.
    ///
    /// - Parameter interval: How often byte counts are written; asked for each time.
    /// - Throws: `NodeError` with `fenced` when this process is not the node any more.
    func run(updatingEvery interval: @Sendable () -> Duration) async throws {
        var lastUpdate = clock.now
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.gathering)
            if clock.now >= lastUpdate + interval() {
                lastUpdate = clock.now
                _ = try await flush(withUpdates: true)
            } else if !state.withLock({ $0.queue.isEmpty }) {
                let isWritten = try await flush(withUpdates: false)
                if !isWritten { try? await Task.sleep(for: Self.retryPause) }
            }
        }
    }

    /// Writes what is left, for a clean stop.
    ///
    /// - Parameter tries: How often a batch is tried.
    func drain(tries: Int = 3) async {
        for _ in 0..<max(1, tries) {
            while !state.withLock({ $0.queue.isEmpty }) {
                guard let isWritten = try? await flush(withUpdates: false), isWritten else { break }
            }
            if state.withLock({ $0.queue.isEmpty }) { return await sayStopped() }
            try? await Task.sleep(for: .milliseconds(200))
        }
        let left = state.withLock { $0.queue.count }
        logger.error("session records could not be written before the end", metadata: ["lost": "\(left)"])
    }

    /// Says in the node's row that it does not run any more. When that fails, the row says so by standing still.
    private func sayStopped() async {
        let lease = state.withLock { $0.lease }
        _ = try? await backend.write { try $0.nodes.stop(lease) }
    }

    /// Writes one batch.
    ///
    /// - Returns: Whether it is written; false when it waits for another try.
    private func flush(withUpdates: Bool) async throws -> Bool {
        let statistics = await self.engine.withLock { $0 }?.statistics() ?? []
        let (events, lease) = state.withLock { ($0.queue.handOut(atMost: Self.batchLimit), $0.lease) }
        var ciphers: [SessionHandle: String] = [:]
        for row in statistics { ciphers[row.session] = row.cipher?.name }
        var batch = RecordBatch(events, node: lease, ciphers: ciphers)
        if withUpdates { batch.updates = updates(statistics) }
        let rows = batch
        do {
            let next = try await backend.write { try rows.write(to: $0, lease: lease) }
            state.withLock { state in
                state.lease = next
                state.queue.confirm()
            }
            setFailing(false, nil)
            return true
        } catch let error as StorageError where error.code == .fenced {
            throw NodeError(
                .fenced,
                "another process runs as this node, or it was removed; this one stops. Is a copy of the data directory in use?"
            )
        } catch {
            state.withLock { $0.queue.takeBack() }
            metrics.writeFailures.increment()
            setFailing(true, error)
            return false
        }
    }

    /// Set by the node: the rows of live sessions, for byte counts.
    private let records: Mutex<@Sendable () -> [SessionHandle: SessionRecordID]> = Mutex({ [:] })

    /// Says which rows belong to which sessions.
    func attach(records: @escaping @Sendable () -> [SessionHandle: SessionRecordID]) {
        self.records.withLock { $0 = records }
    }

    private func updates(_ statistics: [SessionStatistics]) -> [SessionUpdate] {
        let rows = records.withLock { $0 }()
        let updates = statistics.compactMap { row in
            rows[row.session].map { id in
                SessionUpdate(
                    id: id, remoteAddress: row.remote,
                    traffic: Traffic(
                        bytesReceived: Int64(clamping: row.bytesIn), bytesSent: Int64(clamping: row.bytesOut)))
            }
        }
        return Array(updates.prefix(StorageLimits.batchRows))
    }

    /// Says once that the store cannot be written, and once that it can again.
    private func setFailing(_ isFailing: Bool, _ error: (any Error)?) {
        let changed = state.withLock { state in
            defer { state.isFailing = isFailing }
            return state.isFailing != isFailing
        }
        guard changed else { return }
        if isFailing {
            logger.error(
                "the store cannot be written; sessions go on and their records wait",
                metadata: ["error": "\(error.map { "\($0)" } ?? "")"])
        } else {
            logger.notice("the store can be written again; the records that waited are written")
        }
    }
}
