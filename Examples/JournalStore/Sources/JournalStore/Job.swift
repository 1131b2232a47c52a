internal import Dispatch
internal import Synchronization

/// A piece of blocking work on a queue, whose caller is let go when its task is cancelled before the work has begun.
final class Job<Value: Sendable>: Sendable {
    private enum State {
        case waiting(CheckedContinuation<Value, any Error>?)
        case running(CheckedContinuation<Value, any Error>, isCancelled: Bool)
        case over
    }

    private let state = Mutex(State.waiting(nil))

    /// Runs `body` on a queue, without blocking the caller's thread.
    ///
    /// - Parameters:
    ///   - queue: Where it runs.
    ///   - group: Is left when the queue is through with it.
    ///   - body: The work; it is given what tells whether its caller was cancelled, for as long as it has only waited.
    func run(
        on queue: DispatchQueue, in group: DispatchGroup,
        _ body: @escaping @Sendable (_ isGivenUp: () -> Bool) throws -> Value
    ) async throws -> Value {
        try await withTaskCancellationHandler {
            try Task.checkCancellation()
            return try await withCheckedThrowingContinuation { continuation in
                guard hold(continuation) else { return continuation.resume(throwing: CancellationError()) }
                queue.async(group: group) { [self] in
                    guard begin() else { return }
                    end(Result { try body { isCancelled } })
                }
            }
        } onCancel: {
            cancel()
        }
    }

    private var isCancelled: Bool {
        state.withLock { if case .running(_, true) = $0 { true } else { false } }
    }

    /// - Returns: Whether the task was not cancelled before.
    private func hold(_ continuation: CheckedContinuation<Value, any Error>) -> Bool {
        state.withLock { state in
            guard case .waiting = state else { return false }
            state = .waiting(continuation)
            return true
        }
    }

    private func begin() -> Bool {
        state.withLock { state in
            guard case .waiting(let continuation?) = state else { return false }
            state = .running(continuation, isCancelled: false)
            return true
        }
    }

    private func end(_ result: Result<Value, any Error>) {
        let waiting = state.withLock { state -> CheckedContinuation<Value, any Error>? in
            guard case .running(let continuation, _) = state else { return nil }
            state = .over
            return continuation
        }
        waiting?.resume(with: result)
    }

    private func cancel() {
        let waiting = state.withLock { state -> CheckedContinuation<Value, any Error>? in
            switch state {
            case .waiting(let continuation):
                state = .over
                return continuation
            case .running(let continuation, _):
                state = .running(continuation, isCancelled: true)
                return nil
            case .over:
                return nil
            }
        }
        waiting?.resume(throwing: CancellationError())
    }
}
