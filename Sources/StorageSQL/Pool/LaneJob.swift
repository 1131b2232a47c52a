internal import Synchronization

/// One piece of work on a connection, whose statements are stopped when its task is cancelled.
final class LaneJob: Sendable {
    private struct State {
        var isCancelled = false
        var canceller: (any StatementCanceller)?
    }

    private let state = Mutex(State())

    /// Runs `body`, on the connection's thread.
    ///
    /// - Throws: What `body` threw; `CancellationError` when the task was cancelled before.
    func run<T>(on connection: any SQLConnection, _ body: (any SQLConnection) throws -> T) throws -> T {
        try state.withLock { state in
            if state.isCancelled { throw CancellationError() }
            state.canceller = connection.canceller
        }
        // Waits for one who is about to stop a statement, so that it hits none of the next piece of work.
        defer { state.withLock { $0.canceller = nil } }
        return try body(connection)
    }

    /// Has the statement that runs stopped, without waiting for it; a commit goes on.
    func cancel() {
        let mustStop = state.withLock { state in
            state.isCancelled = true
            return state.canceller != nil
        }
        guard mustStop else { return }
        WorkerThread(name: "sql-stop").stop { [self] in state.withLock { $0.canceller?.cancel() } }
    }
}
