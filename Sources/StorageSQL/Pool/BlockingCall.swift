/// Runs blocking work on a thread of its own, so that the cooperative pool is not blocked.
///
/// - Parameters:
///   - name: The thread's name.
///   - body: The work.
/// - Returns: What `body` returned.
/// - Throws: What `body` threw.
package func onBlockingThread<T: Sendable>(
    _ name: String, _ body: @escaping @Sendable () throws -> T
) async throws -> T {
    let thread = WorkerThread(name: name)
    return try await withCheckedThrowingContinuation { continuation in
        thread.stop { continuation.resume(with: Result { try body() }) }
    }
}
