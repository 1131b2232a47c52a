public import ClusterCore
internal import Foundation
internal import Glibc

/// The time and randomness that a backend uses, so that tests can give their own.
public struct StorageEnvironment: Sendable {
    /// The time of day, for databases without a clock of their own and for nothing else.
    public var now: @Sendable () -> Timestamp
    /// A monotonic clock that counts while the machine sleeps, since the machine was started (`CLOCK_BOOTTIME`).
    public var uptime: @Sendable () -> Duration
    /// Waits; throws `CancellationError` when the task is cancelled meanwhile.
    public var sleep: @Sendable (Duration) async throws -> Void
    /// 64 random bits, cryptographically strong: they become change ids.
    public var random: @Sendable () -> UInt64

    /// Makes the value of its parts, which are explained at the properties.
    public init(
        now: @escaping @Sendable () -> Timestamp,
        uptime: @escaping @Sendable () -> Duration,
        sleep: @escaping @Sendable (Duration) async throws -> Void,
        random: @escaping @Sendable () -> UInt64
    ) {
        self.now = now
        self.uptime = uptime
        self.sleep = sleep
        self.random = random
    }

    /// The system's clocks and its random number generator.
    public static let system = StorageEnvironment(
        now: {
            let sinceEpoch = Date().timeIntervalSince1970
            return Timestamp(microseconds: Int64((sinceEpoch * 1_000_000).rounded(.down)))
        },
        uptime: {
            var time = timespec()
            clock_gettime(CLOCK_BOOTTIME, &time)
            return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
        },
        sleep: { try await Task.sleep(for: $0) },
        random: {
            var generator = SystemRandomNumberGenerator()
            return generator.next()
        })

    /// The randomness as a generator.
    var generator: EnvironmentGenerator { EnvironmentGenerator(random: random) }
}

/// Hands on the randomness of a ``StorageEnvironment``.
struct EnvironmentGenerator: RandomNumberGenerator {
    let random: @Sendable () -> UInt64

    func next() -> UInt64 { random() }
}
