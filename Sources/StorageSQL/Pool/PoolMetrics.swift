internal import ClusterCore
internal import CoreMetrics

/// The figures of one pool, for whatever metrics system the process had bootstrapped when the pool was made.
struct PoolMetrics: Sendable {
    private let size: Gauge
    private let idle: Gauge
    private let waiting: Gauge
    private let wait: Timer
    private let connects: Counter
    private let failures: Counter

    /// - Parameter pool: What the pool is for.
    init(pool: String) {
        let dimensions = [("pool", pool)]
        size = Gauge(label: "asnode_store_connections", dimensions: dimensions)
        idle = Gauge(label: "asnode_store_connections_idle", dimensions: dimensions)
        waiting = Gauge(label: "asnode_store_connections_awaited", dimensions: dimensions)
        wait = Timer(label: "asnode_store_connection_wait", dimensions: dimensions)
        connects = Counter(label: "asnode_store_connects_total", dimensions: dimensions)
        failures = Counter(label: "asnode_store_connect_failures_total", dimensions: dimensions)
    }

    /// A job has stood in line for a connection for so long; those that need not are not recorded.
    func waited(_ time: Duration) { wait.record(time) }

    /// A connection was opened.
    func connected() { connects.increment() }

    /// A connection could not be opened, or did not answer when it was checked.
    func failed() { failures.increment() }

    func record(size: Int, idle: Int, waiting: Int) {
        self.size.record(size)
        self.idle.record(idle)
        self.waiting.record(waiting)
    }
}

/// The figures of one backend's transactions.
struct TransactionMetrics: Sendable {
    private let renewals: Timer?

    /// - Parameter lane: The lane's name; `nil` for a backend with a pool.
    init(lane: String?) {
        renewals = lane.map { Timer(label: "asnode_store_lane_write", dimensions: [("lane", $0)]) }
    }

    /// A transaction is tried again.
    func retried(after error: StorageError) {
        let reason = error.code.constraintName == nil ? "\(error.code)" : "constraint"
        Counter(label: "asnode_store_retries_total", dimensions: [("reason", reason)]).increment()
    }

    /// A write was confirmed; on a lane this is what a lease depends on.
    ///
    /// - Parameter time: Since it was asked for.
    func confirmed(after time: Duration) {
        renewals?.record(time)
    }
}

extension Timer {
    fileprivate func record(_ time: Duration) { recordMicroseconds(time.wholeMicroseconds) }
}
