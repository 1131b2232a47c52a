import Foundation
import StorageSQL

/// Opens once; threads and tasks wait for it.
final class DispatchGate: @unchecked Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func open() { semaphore.signal() }

    /// Blocks the thread, for 30 s at most.
    func wait() { _ = semaphore.wait(timeout: .now() + 30) }

    /// Blocks the thread for so long at most.
    ///
    /// - Returns: Whether it opened.
    func wait(milliseconds: Int) -> Bool { semaphore.wait(timeout: .now() + .milliseconds(milliseconds)) == .success }

    /// Waits without blocking a thread of the cooperative pool.
    func waitAsync() async {
        try? await onBlockingThread("gate") { self.wait() }
    }
}
