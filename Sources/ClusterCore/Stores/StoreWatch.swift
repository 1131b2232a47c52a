/// One look at the store's revision.
public enum StoreSighting: Hashable, Sendable {
    /// The store was read.
    ///
    /// - Parameters:
    ///   - revision: The revision that it is at.
    ///   - storeTime: The time on its clock.
    ///   - began: When the look began, on the watch's monotonic clock: the store was reachable after that.
    case read(_ revision: Revision, storeTime: Timestamp, began: Duration)
    /// It could not be read; the second value is when the look began, on the watch's monotonic clock.
    case failed(_ error: StorageError, at: Duration)
}

/// Looks at the store's revision again and again: an asynchronous sequence of ``StoreSighting`` that never fails.
///
/// Looks begin `interval` apart, the first one at once, the next one early when the database says that something was
/// changed. Each iteration has a lane of its own, so that nothing else that goes on delays it. It ends when its task is
/// cancelled or the backend is closed, and then gives the lane back.
///
/// ```swift
/// for await sighting in backend.watch() {
///     if case .read(let revision, _, _) = sighting { … }
/// }
/// ```
public struct StoreWatch: AsyncSequence, Sendable {
    /// What each look gives.
    public typealias Element = StoreSighting
    /// A watch never fails: that the store cannot be read is a sighting.
    public typealias Failure = Never

    private let interval: Duration
    private let uptime: @Sendable () -> Duration
    private let open: @Sendable () async throws -> any StorageBackend
    private let wait: @Sendable ((any StorageBackend)?, Duration) async throws -> Void

    /// For those who write a backend; others call ``StorageBackend/watch(every:)``.
    ///
    /// - Parameters:
    ///   - interval: How far apart looks begin.
    ///   - uptime: A monotonic clock that counts while the machine sleeps, since the machine was started.
    ///   - open: Opens the lane to read on.
    ///   - wait: Waits for so long, or until there may be a change, on that lane if it could be opened. Throws
    ///     `CancellationError` alone.
    public init(
        every interval: Duration, uptime: @escaping @Sendable () -> Duration,
        open: @escaping @Sendable () async throws -> any StorageBackend,
        wait: @escaping @Sendable ((any StorageBackend)?, Duration) async throws -> Void
    ) {
        self.interval = interval
        self.uptime = uptime
        self.open = open
        self.wait = wait
    }

    /// For backends that can do no more than be read: polls on a lane of `backend`.
    ///
    /// - Parameters:
    ///   - backend: What is read.
    ///   - interval: How far apart looks begin.
    ///   - uptime: A monotonic clock that counts while the machine sleeps, since the machine was started.
    ///   - sleep: Waits; throws `CancellationError` when the task is cancelled meanwhile.
    public init(
        polling backend: any StorageBackend, every interval: Duration, uptime: @escaping @Sendable () -> Duration,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.init(
            every: interval, uptime: uptime, open: { try await backend.lane("watch", limits: .watch) },
            wait: { try await sleep($1) })
    }

    /// Begins to look.
    public func makeAsyncIterator() -> Iterator { Iterator(self) }

    /// The changes alone: the revision that the store is at, and from then on each other one that it is seen at.
    public var changes: Changes { Changes(watch: self) }

    /// The looks of one iteration.
    public struct Iterator: AsyncIteratorProtocol {
        private let watch: StoreWatch
        private var lane: OpenLane?
        private var began: Duration?
        private var isOver = false

        fileprivate init(_ watch: StoreWatch) { self.watch = watch }

        /// The next look; `nil` when the task was cancelled or the backend closed.
        public mutating func next(isolation actor: isolated (any Actor)? = #isolation) async -> StoreSighting? {
            guard !isOver else { return nil }
            if let sighting = await look() { return sighting }
            isOver = true
            lane = nil
            return nil
        }

        private mutating func look() async -> StoreSighting? {
            do {
                try await rest()
            } catch {
                return nil
            }
            let began = watch.uptime()
            self.began = began
            do {
                let lane = try await openLane()
                let (revision, time) = try await lane.read { (try $0.config.revision(), try $0.now()) }
                return .read(revision, storeTime: time, began: began)
            } catch let error as StorageError where error.code != .closed {
                return Task.isCancelled ? nil : .failed(error, at: began)
            } catch {
                return nil
            }
        }

        private func rest() async throws {
            guard let began else { return }
            let left = began + watch.interval - watch.uptime()
            guard left > .zero else { return try Task.checkCancellation() }
            try await watch.wait(lane?.backend, left)
        }

        private mutating func openLane() async throws -> any StorageBackend {
            if let lane { return lane.backend }
            let fresh = try await watch.open()
            lane = OpenLane(fresh)
            return fresh
        }
    }

    /// A lane that is closed when the iteration is over, however it ends. Nobody waits for what is under way on it.
    private final class OpenLane {
        let backend: any StorageBackend

        init(_ backend: any StorageBackend) { self.backend = backend }

        deinit {
            let backend = backend
            Task { await backend.close() }
        }
    }

    /// The revisions of a watch, each once; see ``StoreWatch/changes``.
    public struct Changes: AsyncSequence, Sendable {
        /// The revision that the store is at now.
        public typealias Element = Revision
        /// A watch never fails.
        public typealias Failure = Never

        fileprivate let watch: StoreWatch

        /// Begins to look.
        public func makeAsyncIterator() -> Iterator { Iterator(looks: watch.makeAsyncIterator()) }

        /// The changes of one iteration.
        public struct Iterator: AsyncIteratorProtocol {
            fileprivate var looks: StoreWatch.Iterator
            private var known: Revision?

            fileprivate init(looks: StoreWatch.Iterator) { self.looks = looks }

            /// The next revision that differs from the one before; `nil` at the end of the watch.
            public mutating func next(isolation actor: isolated (any Actor)? = #isolation) async -> Revision? {
                while let sighting = await looks.next(isolation: actor) {
                    guard case .read(let revision, _, _) = sighting, revision != known else { continue }
                    known = revision
                    return revision
                }
                return nil
            }
        }
    }
}
