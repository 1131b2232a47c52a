public import ClusterCore
internal import Dispatch
internal import Glibc
internal import Synchronization

/// A store in memory with a journal in one file: every transaction appends a record, and opening reads them all.
///
/// Several handles, in several processes, may use one file at once. It suits a few thousand users on one machine with
/// a local disk; the file only grows.
public final class JournalBackend: StorageBackend {
    private struct State {
        var lanes: [JournalBackend] = []
        var isClosed = false
    }

    private let journal: Journal
    private let now: @Sendable () -> Timestamp
    private let state = Mutex(State())
    private let work = DispatchGroup()
    private let readers = DispatchQueue(label: "journal-read", attributes: .concurrent)
    private let writer = DispatchQueue(label: "journal-write")

    /// Opens a journal; makes it, with mode 0600, when there is none.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - authenticator: Authenticates the records.
    ///   - now: The store's clock.
    /// - Throws: ``ClusterCore/StorageError``: `tampered` when a record is not the cluster's, `corrupt`, `permission`,
    ///   `readOnly`.
    public static func open(
        _ path: String, authenticator: any RowAuthenticator, now: @escaping @Sendable () -> Timestamp = systemTime
    ) async throws -> JournalBackend {
        let queue = DispatchQueue(label: "journal-open")
        let journal = try await Job<Journal>().run(on: queue, in: DispatchGroup()) { _ in
            let journal = try Journal(path: path, authenticator: authenticator)
            _ = try journal.tables()
            return journal
        }
        return JournalBackend(journal, now: now)
    }

    private init(_ journal: Journal, now: @escaping @Sendable () -> Timestamp) {
        self.journal = journal
        self.now = now
    }

    /// Runs `body` on one state of the store; see ``ClusterCore/StorageBackend/read(_:)``.
    public func read<T: Sendable>(
        _ body: @escaping @Sendable (any StorageReader) throws -> T
    ) async throws -> T {
        try await run(on: readers) { [journal, now] _ in
            let transaction = Transaction(try journal.tables(), time: now())
            defer { transaction.end() }
            return try body(Reader(transaction: transaction))
        }
    }

    /// Runs `body` in a transaction; see ``ClusterCore/StorageBackend/write(in:_:)``.
    @discardableResult
    public func write<T: Sendable>(
        in phase: StoreState.Phase, _ body: @escaping @Sendable (any StorageWriter) throws -> T
    ) async throws -> T {
        try await run(on: writer) { [journal, now] isGivenUp in
            try journal.append(unless: isGivenUp) { tables in
                guard tables.state.phase == phase else { throw tables.state.refusal(expecting: phase) }
                let transaction = Transaction(tables, time: now())
                defer { transaction.end() }
                let value = try body(Writer(transaction: transaction, random: { UInt64.random(in: 0 ... .max) }))
                return (try transaction.finish(), value)
            }
        }
    }

    /// Another handle, which neither waits for the callers of this one nor is closed by itself with it.
    public func lane(_ name: String, limits: LaneLimits) async throws -> any StorageBackend {
        let lane = JournalBackend(try journal.another(), now: now)
        try state.withLock { state in
            if state.isClosed { throw Self.closed }
            state.lanes.removeAll { $0.state.withLock { $0.isClosed } }
            state.lanes.append(lane)
        }
        return lane
    }

    /// Looks at the revision again and again; see ``ClusterCore/StorageBackend/watch(every:)``.
    public func watch(every interval: Duration) -> StoreWatch {
        let start = ContinuousClock.now
        return StoreWatch(
            polling: self, every: interval, uptime: { start.duration(to: .now) },
            sleep: { try await Task.sleep(for: $0) })
    }

    /// Waits for what is under way; see ``ClusterCore/StorageBackend/close()``.
    public func close() async {
        let lanes = state.withLock { state in
            state.isClosed = true
            defer { state.lanes = [] }
            return state.lanes
        }
        for lane in lanes { await lane.close() }
        await withCheckedContinuation { continuation in work.notify(queue: writer) { continuation.resume() } }
    }

    /// The system's clock.
    public static let systemTime: @Sendable () -> Timestamp = {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    private func run<T: Sendable>(
        on queue: DispatchQueue, _ body: @escaping @Sendable (_ isGivenUp: () -> Bool) throws -> T
    ) async throws -> T {
        try state.withLock { state in
            if state.isClosed { throw Self.closed }
            work.enter()
        }
        defer { work.leave() }
        return try await Job<T>().run(on: queue, in: work, body)
    }

    private static var closed: StorageError { StorageError(.closed, "the store was closed") }
}
