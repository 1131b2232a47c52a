internal import CLinuxIO
internal import Glibc
internal import Synchronization

/// The clock that the engine goes by.
package enum BootClock {
    /// Nanoseconds since the machine booted, time asleep included. Never goes back.
    package static var nanoseconds: UInt64 { clinuxio_boottime_ns() }
}

/// A thread of its own for straight-line code that waits in system calls.
///
/// Swift's tasks share few threads that must never be blocked; a shard blocks for a living.
package final class EngineThread: Sendable {
    private struct Start: Sendable {
        let name: String
        let processor: Int?
        let body: @Sendable () -> Void
    }

    private let handle: Mutex<pthread_t?>

    /// Starts a thread.
    ///
    /// - Parameters:
    ///   - name: Shown by `ps -L` and debuggers; cut to 15 bytes.
    ///   - processor: Number of the processor to stay on; nil, or one that does not exist, leaves the choice to the
    ///     kernel.
    ///   - body: What it does. The thread ends when it returns.
    /// - Throws: ``NetworkError`` `.system` when the system has no thread to give.
    package init(name: String, processor: Int? = nil, _ body: @escaping @Sendable () -> Void) throws(NetworkError) {
        final class Box {
            let start: Start
            init(_ start: Start) { self.start = start }
        }
        let box = unsafe Unmanaged.passRetained(Box(Start(name: name, processor: processor, body: body)))
        var thread = pthread_t()
        let result = unsafe pthread_create(
            &thread, nil,
            { argument in
                // Invariant: the argument is the box that was passed below, retained for this thread alone.
                guard let argument = unsafe argument else { return nil }
                let start = unsafe Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().start
                EngineThread.prepare(name: start.name, processor: start.processor)
                start.body()
                return nil
            }, box.toOpaque())
        guard result == 0 else {
            unsafe box.release()
            throw .system("cannot start the thread \(name)", result)
        }
        handle = Mutex(thread)
    }

    private static func prepare(name: String, processor: Int?) {
        _ = unsafe clinuxio_name_thread(String(decoding: name.utf8.prefix(15), as: UTF8.self))
        if let processor { _ = clinuxio_pin_thread(CInt(clamping: processor)) }
    }

    deinit {
        if let thread = handle.withLock({ $0 }) { pthread_detach(thread) }
    }

    /// Waits until the thread has ended. Blocks the calling thread; a second call returns at once. Must not be called by
    /// the thread itself.
    package func join() {
        let thread = handle.withLock { handle in
            let thread = handle
            handle = nil
            return thread
        }
        if let thread { _ = pthread_join(thread, nil) }
    }
}
