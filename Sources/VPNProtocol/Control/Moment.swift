/// A point on a monotonic clock that goes on while the machine sleeps (`CLOCK_BOOTTIME`), in nanoseconds.
public struct Instant: Hashable, Comparable, Sendable {
    /// Since the machine booted.
    public let nanoseconds: UInt64

    /// The instant so many nanoseconds after the machine booted.
    @inlinable
    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// Earlier comes first.
    @inlinable
    public static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// The instant `duration` later; negative durations count as zero, the end of time is never passed.
    @inlinable
    public func advanced(by duration: Duration) -> Instant {
        let (sum, overflow) = self.nanoseconds.addingReportingOverflow(duration.wholeNanoseconds)
        return Instant(nanoseconds: overflow ? .max : sum)
    }

    /// Time from `earlier` to this instant; zero where `earlier` is the later one.
    @inlinable
    public func since(_ earlier: Instant) -> Duration {
        self.nanoseconds > earlier.nanoseconds
            ? .nanoseconds(Int64(clamping: self.nanoseconds - earlier.nanoseconds)) : .zero
    }
}

extension Duration {
    /// Nanoseconds, 0 for negative durations, bounded by what 63 bits hold.
    @inlinable
    var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = self.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow, product < UInt64(Int64.max) - 1_000_000_000 else { return UInt64(Int64.max) }
        return product + UInt64(attoseconds / 1_000_000_000)
    }
}

extension Instant: StateCodable {
    /// Writes the number.
    public func encode(into writer: inout StateWriter) {
        writer.write(self.nanoseconds)
    }

    /// Reads the number.
    public init(from reader: inout StateReader) throws(StateError) {
        self.init(nanoseconds: try reader.read(UInt64.self))
    }
}

/// What the clocks said when a batch of work began. Read once per batch by the driver and passed down.
public struct Moment: Sendable {
    /// For every interval and deadline.
    public let instant: Instant
    /// Seconds since 1970, for the wire's time stamps and cookies alone.
    public let unixSeconds: UInt64

    /// What both clocks said.
    public init(instant: Instant, unixSeconds: UInt64) {
        self.instant = instant
        self.unixSeconds = unixSeconds
    }

    /// As 32 bits carry it on the wire.
    var wireSeconds: UInt32 { UInt32(truncatingIfNeeded: self.unixSeconds) }
}
