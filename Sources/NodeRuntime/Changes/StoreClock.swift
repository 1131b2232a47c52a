internal import ClusterCore
internal import Synchronization

/// The store's time between two readings of it: what tokens, locks and sessions are stamped with.
///
/// Counted on the node's monotonic clock from the last reading, so that a jump of the machine's clock changes nothing.
final class StoreClock: Sendable {
    private let uptime: @Sendable () -> Duration
    private let reading: Mutex<(store: Timestamp, uptime: Duration)>

    /// - Parameters:
    ///   - store: The store's time as it was read.
    ///   - uptime: A monotonic clock that counts while the machine sleeps.
    init(store: Timestamp, uptime: @escaping @Sendable () -> Duration) {
        self.uptime = uptime
        self.reading = Mutex((store, uptime()))
    }

    /// The store's time now.
    var now: Timestamp {
        let reading = reading.withLock { $0 }
        return reading.store + (uptime() - reading.uptime)
    }

    /// Takes over a newer reading. Small differences backwards are passed over: time does not go back for them.
    func set(_ store: Timestamp) {
        let now = uptime()
        reading.withLock { reading in
            let expected = reading.store + (now - reading.uptime)
            guard store < expected, expected.elapsed(since: store) < .seconds(1) else {
                reading = (store, now)
                return
            }
        }
    }
}
