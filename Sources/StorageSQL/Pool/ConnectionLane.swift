internal import ClusterCore

/// A thread with a connection of its own, opened when it is first needed and again after it was lost.
///
/// `@unchecked Sendable`: `connection` is touched on the lane's thread alone.
final class ConnectionLane: @unchecked Sendable {
    private let thread: WorkerThread
    private let open: @Sendable () throws -> any SQLConnection
    private var connection: (any SQLConnection)?

    init(name: String, open: @escaping @Sendable () throws -> any SQLConnection) {
        self.thread = WorkerThread(name: name)
        self.open = open
    }

    /// Runs `body` on the lane's thread, without blocking the caller's.
    ///
    /// - Throws: What `body` threw; ``StorageError`` when there is no connection; `CancellationError` when the task was
    ///   cancelled before `body` began. A statement that is stopped later fails with `timeout`.
    func run<T: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> T) async throws -> T {
        let job = LaneJob()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let accepted = thread.submit { [self] in
                    continuation.resume(with: Result { try job.run(on: try usableConnection(), body) })
                }
                if !accepted { continuation.resume(throwing: StorageError.closed) }
            }
        } onCancel: {
            job.cancel()
        }
    }

    /// Closes the connection after what is under way, and ends the thread.
    func close() async {
        await withCheckedContinuation { continuation in
            thread.stop { [self] in
                connection?.close()
                connection = nil
                continuation.resume()
            }
        }
    }

    private func usableConnection() throws -> any SQLConnection {
        if let connection, connection.isUsable { return connection }
        connection?.close()
        connection = nil
        let fresh = try open()
        connection = fresh
        return fresh
    }
}

extension StorageError {
    /// That the backend was closed.
    static let closed = StorageError(.closed, "the store was closed")
}
