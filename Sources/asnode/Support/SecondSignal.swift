@preconcurrency internal import Dispatch
internal import Glibc
internal import Logging

/// Ends the process at once at the second SIGTERM or SIGINT: for those who do not want to wait for a clean end.
final class SecondSignal: Sendable {
    private let sources: [any DispatchSourceSignal]

    /// Watches from now on.
    init(logger: Logger) {
        let queue = DispatchQueue(label: "second-signal")
        let count = SignalCount()
        sources = [SIGTERM, SIGINT].map { number in
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                guard count.next(on: queue) > 1 else { return }
                logger.critical("stopped at once by a second signal: what was not written is lost")
                _exit(128 + number)
            }
            source.activate()
            return source
        }
    }

    /// Stops watching.
    func cancel() { sources.forEach { $0.cancel() } }
}

/// How many signals came. Touched on one queue alone.
private final class SignalCount: @unchecked Sendable {
    private var count = 0

    func next(on queue: DispatchQueue) -> Int {
        dispatchPrecondition(condition: .onQueue(queue))
        count += 1
        return count
    }
}
