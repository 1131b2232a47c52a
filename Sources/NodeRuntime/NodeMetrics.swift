internal import ClusterCore
internal import CoreMetrics

/// The node's own figures, for whatever metrics system the process has bootstrapped.
struct NodeMetrics: Sendable {
    /// Clients that were let in.
    let admitted = Counter(label: "asnode_logins_admitted_total")
    /// Logins that found the queue of passwords full.
    let hashingRefused = Counter(label: "asnode_logins_busy_total")
    /// Sessions that carry data.
    let liveSessions = Gauge(label: "asnode_sessions_live")
    /// Readings of the store's revision that failed.
    let pollFailures = Counter(label: "asnode_store_poll_failures_total")
    /// Configurations that were taken over.
    let applied = Counter(label: "asnode_changes_applied_total")
    /// Batches of session records that could not be written and wait.
    let writeFailures = Counter(label: "asnode_store_write_failures_total")

    /// Logins that were turned down for a reason.
    func refused(_ reason: RefusalReason) -> Counter {
        Counter(label: "asnode_logins_refused_total", dimensions: [("reason", reason.rawValue)])
    }
}
