internal import Foundation

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
    try await withCheckedThrowingContinuation { continuation in
        startThread(name) { continuation.resume(with: Result { try body() }) }
    }
}

/// Starts a thread that ends when `body` does. Database libraries block, so their calls must not be made on a thread of
/// the cooperative pool.
func startThread(_ name: String, _ body: @escaping @Sendable () -> Void) {
    let thread = Thread { body() }
    thread.name = name
    thread.stackSize = 8 << 20
    thread.start()
}
