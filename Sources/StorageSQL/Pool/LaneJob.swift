internal import ClusterCore
internal import Synchronization

/// One piece of work on a connection, whose statements are stopped when its task is cancelled.
final class LaneJob: Sendable, Identifiable {
    private struct State {
        var isCancelled = false
        var canceller: (any StatementCanceller)?
    }

    private let state = Mutex(State())
    private let body: @Sendable (LaneJob, () throws -> any SQLConnection) -> @Sendable () -> Void
    private let refusal: @Sendable (any Error) -> Void

    /// - Parameters:
    ///   - body: The work.
    ///   - finish: Gets its outcome, once.
    init<T: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> T,
        finish: @escaping @Sendable (Result<T, any Error>) -> Void
    ) {
        self.body = { job, connection in
            let result = Result { try job.perform(connection, body) }
            return { finish(result) }
        }
        self.refusal = { finish(.failure($0)) }
    }

    /// Whether its task was cancelled.
    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// Runs it, on the connection's thread; blocks.
    ///
    /// - Parameter connection: Gives the connection.
    /// - Returns: What tells its outcome, to be called once.
    func run(_ connection: () throws -> any SQLConnection) -> @Sendable () -> Void { body(self, connection) }

    /// Ends it without running it.
    func refuse(_ error: any Error) { refusal(error) }

    /// Has the statement that runs stopped, without waiting for it; a commit goes on.
    func cancel() {
        let mustStop = state.withLock { state in
            state.isCancelled = true
            return state.canceller != nil
        }
        guard mustStop else { return }
        startThread("sql-stop") { [self] in state.withLock { $0.canceller?.cancel() } }
    }

    private func perform<T>(
        _ open: () throws -> any SQLConnection, _ body: (any SQLConnection) throws -> T
    ) throws -> T {
        if isCancelled { throw CancellationError() }
        let connection = try open()
        try state.withLock { state in
            if state.isCancelled { throw CancellationError() }
            state.canceller = connection.canceller
        }
        // Waits for one who is about to stop a statement, so that it hits none of the next piece of work.
        defer { state.withLock { $0.canceller = nil } }
        return try body(connection)
    }
}
