internal import ClusterCore
internal import Dispatch

/// A thread with a connection of its own, opened when it is first needed and again after it was lost or grew old.
///
/// `@unchecked Sendable`: `connection` and `life` are touched on the lane's thread alone; `next` is written once by whoever
/// took the lane off its pool's idle ones, before the semaphore is signalled on which the thread waits.
final class ConnectionLane: @unchecked Sendable {
    /// What a pool does for its lanes.
    struct Home: Sendable {
        var limits: PoolLimits
        var environment: StorageEnvironment
        var metrics: PoolMetrics
        var open: @Sendable () throws -> any SQLConnection
        /// The lane has done its job.
        var checkIn: @Sendable (ConnectionLane) -> PoolMachine<ConnectionLane, LaneJob>.CheckIn
        /// The lane has ended.
        var retired: @Sendable () -> Void
    }

    private let home: Home
    private let wake = DispatchSemaphore(value: 0)
    private var next: LaneJob?
    private var connection: (any SQLConnection)?
    private var life: ConnectionLife?

    /// Starts the thread.
    ///
    /// - Parameter job: What it does first.
    init(name: String, home: Home, job: LaneJob) {
        self.home = home
        self.next = job
        wake.signal()
        startThread(name) { [self] in run() }
    }

    /// Gives the lane, which idles, its next job.
    func run(_ job: LaneJob) {
        next = job
        wake.signal()
    }

    /// Ends the lane, which idles.
    func retire() { wake.signal() }

    private func run() {
        while let job = take() {
            if !work(from: job) { break }
        }
        connection?.close()
        connection = nil
        home.retired()
    }

    /// The job that the lane was given; waits for it.
    private func take() -> LaneJob? {
        wake.wait()
        defer { next = nil }
        return next
    }

    /// Does a job and those that wait, until there is none.
    ///
    /// - Returns: Whether the lane goes on.
    private func work(from first: LaneJob) -> Bool {
        var job = first
        while true {
            let finish = job.run { try usableConnection() }
            life?.used(at: home.environment.uptime())
            // In this order: whoever gets the result finds the lane idle when it comes with its next job.
            let next = home.checkIn(self)
            finish()
            switch next {
            case .run(let following, let waited):
                home.metrics.waited(waited)
                job = following
            case .park: return true
            case .retire: return false
            }
        }
    }

    private func usableConnection() throws -> any SQLConnection {
        let now = home.environment.uptime()
        if let connection, connection.isUsable, let life, life.isGood(at: now, home.limits, answers: answers) {
            return connection
        }
        connection?.close()
        connection = nil
        do {
            let fresh = try home.open()
            home.metrics.connected()
            connection = fresh
            life = ConnectionLife(
                opened: home.environment.uptime(), limits: home.limits, random: home.environment.random())
            return fresh
        } catch {
            home.metrics.failed()
            throw error
        }
    }

    /// Whether the connection still answers.
    private func answers() -> Bool {
        let isAlive = (try? connection?.rows("SELECT 1")) != nil && connection?.isUsable == true
        if !isAlive { home.metrics.failed() }
        return isAlive
    }
}

/// How old a connection is, and how long it has not been used.
struct ConnectionLife: Hashable, Sendable {
    private let expiry: Duration
    private var lastUse: Duration

    /// - Parameters:
    ///   - opened: When it was opened.
    ///   - limits: How long it lives; up to a tenth less.
    ///   - random: 64 random bits, by which that is chosen.
    init(opened: Duration, limits: PoolLimits, random: UInt64) {
        let part = Double(random >> 11) / Double(1 << 53)
        expiry = opened + limits.lifetime * (1 - part / 10)
        lastUse = opened
    }

    /// It was used until now.
    mutating func used(at now: Duration) { lastUse = now }

    /// Whether it can be used: it is not too old, and if it idled for long it still answers.
    func isGood(at now: Duration, _ limits: PoolLimits, answers: () -> Bool) -> Bool {
        now < expiry && (now - lastUse < limits.check || answers())
    }
}

extension StorageError {
    /// That the backend was closed.
    static let closed = StorageError(.closed, "the store was closed")
}
