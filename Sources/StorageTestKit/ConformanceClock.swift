public import ClusterCore
internal import Synchronization

/// A clock that a test sets: it begins at a fixed time, goes on by a microsecond with each look, and jumps when told.
public final class ConformanceClock: Sendable {
    private let time = Mutex(Timestamp(seconds: 1_800_000_000))

    /// A clock at its beginning.
    public init() {}

    /// The time; the next look sees a later one.
    public func now() -> Timestamp {
        time.withLock { time in
            time = time + .microseconds(1)
            return time
        }
    }

    /// Jumps by so much, forwards or back.
    public func jump(by duration: Duration) {
        time.withLock { $0 = $0 + duration }
    }
}
