internal import Foundation

/// Threads of their own for password hashing, which takes a tenth of a second and tens of megabytes each time: it must
/// neither hold up packets nor starve the cooperative pool. The queue is bounded; when it is full, work is turned away.
final class HashingPool: Sendable {
    /// How many jobs may wait.
    let queueLimit: Int
    private let queue: HashingQueue

    /// Starts the threads.
    ///
    /// - Parameters:
    ///   - threads: How many; each holds the memory of one hash while it works.
    ///   - queueLimit: How many jobs may wait; one more is refused.
    init(threads: Int, queueLimit: Int) {
        self.queueLimit = queueLimit
        self.queue = HashingQueue(limit: queueLimit)
        for number in 0..<max(1, threads) {
            let queue = queue
            let thread = Thread { while let job = queue.next() { job() } }
            thread.name = "hash-\(number)"
            thread.stackSize = 1 << 20
            thread.start()
        }
    }

    deinit { queue.close() }

    /// Runs a job on one of the threads.
    ///
    /// - Returns: What the job returned; `nil` at once when the queue is full or the pool is closed.
    func run<T: Sendable>(_ job: @escaping @Sendable () -> T) async -> T? {
        await withCheckedContinuation { continuation in
            let taken = queue.append { continuation.resume(returning: job()) }
            if !taken { continuation.resume(returning: nil) }
        }
    }
}

/// The jobs that wait, first come, first served.
private final class HashingQueue: @unchecked Sendable {
    // `jobs`, `head` and `isClosed` are touched only between `condition.lock()` and `unlock()`.
    private let condition = NSCondition()
    private let limit: Int
    private var jobs: [@Sendable () -> Void] = []
    private var head = 0
    private var isClosed = false

    init(limit: Int) { self.limit = limit }

    func append(_ job: @escaping @Sendable () -> Void) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        guard !isClosed, jobs.count - head < limit else { return false }
        jobs.append(job)
        condition.signal()
        return true
    }

    /// Waits for a job; `nil` when the pool is closed and everything that waited is done.
    func next() -> (@Sendable () -> Void)? {
        condition.lock()
        defer { condition.unlock() }
        while head == jobs.count {
            if isClosed { return nil }
            condition.wait()
        }
        let job = jobs[head]
        head += 1
        if head > 64, head * 2 > jobs.count {
            jobs.removeFirst(head)
            head = 0
        }
        return job
    }

    func close() {
        condition.lock()
        isClosed = true
        condition.broadcast()
        condition.unlock()
    }
}
