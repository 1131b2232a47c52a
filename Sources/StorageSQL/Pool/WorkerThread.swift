internal import Foundation

/// A thread that runs blocking work, one piece after the other, in the order in which it came.
///
/// Database libraries block, so their calls must not be made on a thread of the cooperative pool.
///
/// `@unchecked Sendable`: `jobs` and `isStopping` are touched under `condition` alone.
final class WorkerThread: @unchecked Sendable {
    private let condition = NSCondition()
    private var jobs: [@Sendable () -> Void] = []
    private var isStopping = false

    init(name: String) {
        let thread = Thread { [self] in run() }
        thread.name = name
        thread.stackSize = 8 << 20
        thread.start()
    }

    /// Has a piece of work run, after all that was given before.
    ///
    /// - Returns: Whether it will be; `false` after ``stop(after:)``.
    func submit(_ job: @escaping @Sendable () -> Void) -> Bool {
        condition.withLock {
            guard !isStopping else { return false }
            jobs.append(job)
            condition.signal()
            return true
        }
    }

    /// Ends the thread after what was given before and one last piece of work. Later calls do nothing.
    func stop(after job: @escaping @Sendable () -> Void) {
        condition.withLock {
            guard !isStopping else { return }
            isStopping = true
            jobs.append(job)
            condition.signal()
        }
    }

    private func run() {
        while let job = next() { job() }
    }

    /// The next piece of work; waits for it. `nil` when there will be none.
    private func next() -> (@Sendable () -> Void)? {
        condition.withLock {
            while jobs.isEmpty {
                if isStopping { return nil }
                condition.wait()
            }
            return jobs.removeFirst()
        }
    }
}
