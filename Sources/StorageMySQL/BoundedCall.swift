internal import Foundation
internal import Synchronization

/// A blocking call that is waited for only so long. It runs on a thread of its own, which ends with it.
final class BoundedCall<Value: Sendable>: Sendable {
    private enum State {
        case running
        case ended(Result<Value, any Error>)
        /// Nobody waits any more; what comes is given away.
        case abandoned(@Sendable (Result<Value, any Error>) -> Void)
    }

    private let state = Mutex(State.running)
    private let done = DispatchSemaphore(value: 0)

    /// Begins the call.
    init(_ body: @escaping @Sendable () throws -> Value) {
        let thread = Thread { [self] in end(with: Result { try body() }) }
        thread.name = "sql-connect"
        thread.start()
    }

    /// Waits for the end.
    ///
    /// - Parameter late: Gets what becomes of the call after all, when it takes longer than `limit`.
    /// - Returns: `nil` when it does.
    /// - Throws: What the call threw.
    func wait(for limit: Duration, late: @escaping @Sendable (Result<Value, any Error>) -> Void) throws -> Value? {
        let seconds = Double(limit.components.seconds) + Double(limit.components.attoseconds) / 1e18
        _ = done.wait(timeout: .now() + max(seconds, 0))
        return try state.withLock { state in
            if case .ended(let result) = state { return try result.get() }
            state = .abandoned(late)
            return nil
        }
    }

    private func end(with result: Result<Value, any Error>) {
        let late: (@Sendable (Result<Value, any Error>) -> Void)? = state.withLock { state in
            if case .abandoned(let late) = state { return late }
            state = .ended(result)
            return nil
        }
        done.signal()
        late?(result)
    }
}
