internal import UnixSignals

/// Work that leaves something to be tidied up when it is interrupted.
enum Interruptible {
    /// Runs `body`, and cancels it at SIGINT or SIGTERM.
    ///
    /// - Throws: What `body` threw; `CancellationError` when a signal came, once `body` has ended.
    static func run<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        return try await withThrowingTaskGroup(of: T?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                for await _ in signals { return nil }
                return nil
            }
            let first = try await group.next() ?? nil
            group.cancelAll()
            guard let first else {
                _ = try? await group.next()
                throw CancellationError()
            }
            return first
        }
    }
}
