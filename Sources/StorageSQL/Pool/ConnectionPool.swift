internal import ClusterCore
internal import Synchronization

/// Up to so many lanes, made when they are needed; those who wait get one in the order in which they came.
final class ConnectionPool: Sendable {
    /// How large a pool may be, and how long one waits for a lane.
    struct Limits: Hashable, Sendable {
        /// The most connections, and threads.
        var maximum: Int
        /// How long one waits for one.
        var wait: Duration
    }

    private struct Waiter {
        var id: UInt64
        var continuation: CheckedContinuation<ConnectionLane, any Error>
    }

    private struct State {
        var idle: [ConnectionLane] = []
        var count = 0
        var waiters: [Waiter] = []
        var nextWaiter: UInt64 = 0
        var isClosed = false
        var closers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let limits: Limits
    private let name: String
    private let environment: StorageEnvironment
    private let open: @Sendable () throws -> any SQLConnection

    init(
        name: String, limits: Limits, environment: StorageEnvironment,
        open: @escaping @Sendable () throws -> any SQLConnection
    ) {
        self.name = name
        self.limits = limits
        self.environment = environment
        self.open = open
    }

    /// Runs `body` with a connection of the pool, on that connection's thread.
    ///
    /// - Throws: What `body` threw; ``StorageError`` with `timeout` when no connection became free in time, `closed`
    ///   after ``close()``; `CancellationError` when the task was cancelled before the body began.
    func withConnection<T: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> T
    ) async throws -> T {
        try Task.checkCancellation()
        let lane = try await checkOut()
        do {
            let value = try await lane.run(body)
            await checkIn(lane)
            return value
        } catch {
            await checkIn(lane)
            throw error
        }
    }

    /// Refuses new callers, waits for those that have a connection, and closes all of them.
    func close() async {
        let refused = state.withLock { state in
            state.isClosed = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in refused { waiter.continuation.resume(throwing: StorageError.closed) }
        let idle = state.withLock { state in
            defer { state.idle = [] }
            return state.idle
        }
        for lane in idle { await retire(lane) }
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.count > 0 { state.closers.append(continuation) }
                return state.count == 0
            }
            if isDone { continuation.resume() }
        }
    }

    private func checkOut() async throws -> ConnectionLane {
        if let lane = try idleLane() { return lane }
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        let deadline = Task { [environment, limits] in
            try await environment.sleep(limits.wait)
            fail(id, with: Self.timeout(limits.wait))
        }
        defer { deadline.cancel() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { wait(Waiter(id: id, continuation: $0)) }
        } onCancel: {
            fail(id, with: CancellationError())
        }
    }

    /// An idle lane or a new one; `nil` when all are taken.
    private func idleLane() throws -> ConnectionLane? {
        try state.withLock { state in
            if state.isClosed { throw StorageError.closed }
            if let lane = state.idle.popLast() { return lane }
            guard state.count < limits.maximum, state.waiters.isEmpty else { return nil }
            state.count += 1
            return ConnectionLane(name: "\(name)-\(state.count)", open: open)
        }
    }

    /// Puts a waiter in line, unless a lane came back or the pool was closed since it looked.
    private func wait(_ waiter: Waiter) {
        let result: Result<ConnectionLane, any Error>? = state.withLock { state in
            if state.isClosed { return .failure(StorageError.closed) }
            if Task.isCancelled { return .failure(CancellationError()) }
            if let lane = state.idle.popLast() { return .success(lane) }
            state.waiters.append(waiter)
            return nil
        }
        if let result { waiter.continuation.resume(with: result) }
    }

    private func fail(_ id: UInt64, with error: any Error) {
        let waiter = state.withLock { state in
            state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
        }
        waiter?.continuation.resume(throwing: error)
    }

    private func checkIn(_ lane: ConnectionLane) async {
        enum Next {
            case give(Waiter)
            case keep, retire
        }
        let next: Next = state.withLock { state in
            if state.isClosed { return .retire }
            if !state.waiters.isEmpty { return .give(state.waiters.removeFirst()) }
            state.idle.append(lane)
            return .keep
        }
        switch next {
        case .give(let waiter): waiter.continuation.resume(returning: lane)
        case .keep: break
        case .retire: await retire(lane)
        }
    }

    private func retire(_ lane: ConnectionLane) async {
        await lane.close()
        let closers = state.withLock { state in
            state.count -= 1
            guard state.count == 0 else { return [CheckedContinuation<Void, Never>]() }
            defer { state.closers = [] }
            return state.closers
        }
        for closer in closers { closer.resume() }
    }

    private static func timeout(_ wait: Duration) -> StorageError {
        StorageError(
            .timeout, "no connection to the database became free within \(wait)",
            advice: "the database is slow, or more work waits for it than it can do")
    }
}
