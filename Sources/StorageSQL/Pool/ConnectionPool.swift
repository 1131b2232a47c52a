internal import ClusterCore
internal import Synchronization

/// Up to so many lanes, made when they are needed. Work that finds none free stands in line, and the lane that is free
/// first takes the first of it, without a detour over the thread that it comes from.
///
/// What is done when is decided by ``PoolMachine``; this class does it.
final class ConnectionPool: Sendable {
    private typealias Machine = PoolMachine<ConnectionLane, LaneJob>

    private struct State {
        var machine: Machine
        /// When the timer rings that runs.
        var alarm: Duration?
        var timer: Task<Void, Never>?
        var made = 0
        var closers: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>
    private let name: String
    private let limits: PoolLimits
    private let environment: StorageEnvironment
    private let metrics: PoolMetrics
    private let open: @Sendable () throws -> any SQLConnection

    /// Opens ``PoolLimits/minimum`` connections at once.
    ///
    /// - Parameters:
    ///   - name: For the names of threads and metrics.
    ///   - maximum: The most connections, and threads, 1 to 16.
    ///   - limits: How it keeps them.
    ///   - environment: Time and randomness.
    ///   - open: Opens a connection, on the thread that will use it.
    init(
        name: String, maximum: Int, limits: PoolLimits, environment: StorageEnvironment,
        open: @escaping @Sendable () throws -> any SQLConnection
    ) {
        self.state = Mutex(State(machine: Machine(maximum: maximum, limits: limits)))
        self.name = name
        self.limits = limits
        self.environment = environment
        self.metrics = PoolMetrics(pool: name)
        self.open = open
        // One that cannot be opened now is when it is needed.
        for _ in 0..<Swift.min(limits.minimum, maximum, PoolLimits.most) {
            submit(LaneJob({ _ in }, finish: { _ in }))
        }
    }

    /// Runs `body` with a connection of the pool, on that connection's thread.
    ///
    /// - Throws: What `body` threw; ``StorageError`` with `timeout` when no connection became free in time, `closed`
    ///   after ``close()``; `CancellationError` when the task was cancelled before the body began. A statement that is
    ///   stopped later fails with `timeout`.
    func withConnection<T: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> T
    ) async throws -> T {
        let cancellation = Cancellation()
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                let job = LaneJob(body) { continuation.resume(with: $0) }
                guard cancellation.attach(job) else { return job.refuse(CancellationError()) }
                submit(job)
                // Cancelled since: it may have been put in line after it was looked for there.
                if job.isCancelled { leave(job) }
            }
        } onCancel: {
            if let job = cancellation.cancel() {
                job.cancel()
                leave(job)
            }
        }
    }

    /// Refuses new callers, waits for those that have a connection, and closes all of them.
    func close() async {
        let (waiting, idle, timer) = state.withLock { state in
            defer { state.timer = nil }
            let (waiting, idle) = state.machine.close()
            return (waiting, idle, state.timer)
        }
        timer?.cancel()
        for job in waiting { job.refuse(StorageError.closed) }
        for lane in idle { lane.retire() }
        await withCheckedContinuation { continuation in
            let isClosed = state.withLock { state in
                let isClosed = state.machine.phase == .closed
                if !isClosed { state.closers.append(continuation) }
                return isClosed
            }
            if isClosed { continuation.resume() }
        }
    }

    private func submit(_ job: LaneJob) {
        let now = environment.uptime()
        let (action, number) = state.withLock { state in
            let action = state.machine.checkOut(job, now: now)
            if case .make = action { state.made += 1 }
            note(&state, now)
            return (action, state.made)
        }
        switch action {
        case .run(let lane): lane.run(job)
        case .make: _ = ConnectionLane(name: "\(name)-\(number)", home: home, job: job)
        case .wait: break
        case .refuse: job.refuse(StorageError.closed)
        case .turnAway: job.refuse(Self.late(limits.wait))
        }
    }

    /// Takes a job out of the line, if it stands there.
    private func leave(_ job: LaneJob) {
        state.withLock { $0.machine.leave(job.id) }?.refuse(CancellationError())
    }

    private var home: ConnectionLane.Home {
        ConnectionLane.Home(
            limits: limits, environment: environment, metrics: metrics, open: open, checkIn: { self.checkIn($0) },
            retired: { self.retired() })
    }

    private func checkIn(_ lane: ConnectionLane) -> PoolMachine<ConnectionLane, LaneJob>.CheckIn {
        let now = environment.uptime()
        return state.withLock { state in
            defer { note(&state, now) }
            return state.machine.checkIn(lane, now: now)
        }
    }

    private func retired() {
        let closers = state.withLock { state in
            state.machine.retired()
            metrics.record(
                size: state.machine.size, idle: state.machine.idleCount, waiting: state.machine.waitingCount)
            guard state.machine.phase == .closed else { return [CheckedContinuation<Void, Never>]() }
            defer { state.closers = [] }
            return state.closers
        }
        for closer in closers { closer.resume() }
    }

    /// What was changed is told to the metrics, and the timer is set, unless it rings early enough.
    private func note(_ state: inout State, _ now: Duration) {
        metrics.record(
            size: state.machine.size, idle: state.machine.idleCount, waiting: state.machine.waitingCount)
        guard let deadline = state.machine.deadline else { return }
        if let alarm = state.alarm, alarm <= deadline { return }
        state.timer?.cancel()
        state.alarm = deadline
        state.timer = Task { [weak self, environment] in
            do { try await environment.sleep(deadline - now) } catch { return }
            self?.ring()
        }
    }

    private func ring() {
        let now = environment.uptime()
        let (late, surplus) = state.withLock { state in
            state.alarm = nil
            defer { note(&state, now) }
            return state.machine.tick(now: now)
        }
        for job in late { job.refuse(Self.late(limits.wait)) }
        for lane in surplus { lane.retire() }
    }

    private static func late(_ wait: Duration) -> StorageError {
        StorageError(
            .timeout, "no connection to the database became free within \(wait)",
            advice: "the database is slow, or more work waits for it than it can do")
    }
}

/// Brings a task's cancellation to its job, whichever comes first.
private final class Cancellation: Sendable {
    private struct State {
        var isCancelled = false
        var job: LaneJob?
    }

    private let state = Mutex(State())

    /// - Returns: Whether the job may begin.
    func attach(_ job: LaneJob) -> Bool {
        state.withLock { state in
            state.job = job
            return !state.isCancelled
        }
    }

    /// - Returns: The job, if there is one already.
    func cancel() -> LaneJob? {
        state.withLock { state in
            state.isCancelled = true
            return state.job
        }
    }
}
