/// A point in time in whole microseconds since 1970-01-01 00:00:00 UTC, leap seconds not counted.
///
/// Every time that a store keeps is one of these: on the database's clock (``StorageReader/now()``), never in a local
/// time zone, and never rounded to more than a microsecond.
public struct Timestamp: Hashable, Comparable, Sendable, Codable {
    /// Microseconds since 1970-01-01 00:00:00 UTC; negative before it.
    public var microseconds: Int64

    /// - Parameter microseconds: Microseconds since 1970-01-01 00:00:00 UTC.
    public init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// - Parameter seconds: Whole seconds since 1970-01-01 00:00:00 UTC; beyond ± 292,000 years it is clamped.
    public init(seconds: Int64) {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        self.microseconds = overflow ? (seconds < 0 ? .min : .max) : product
    }

    /// The beginning of 1970: older than anything a store stamps.
    public static let epoch = Timestamp(microseconds: 0)

    /// Whole seconds since 1970, rounded down.
    public var seconds: Int64 {
        let quotient = microseconds / 1_000_000
        return microseconds % 1_000_000 < 0 ? quotient - 1 : quotient
    }

    /// Orders by value.
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microseconds < right.microseconds
    }

    /// The time that lies `duration` after `time`; clamped at the ends of the range.
    public static func + (time: Timestamp, duration: Duration) -> Timestamp {
        let (sum, overflow) = time.microseconds.addingReportingOverflow(duration.wholeMicroseconds)
        return Timestamp(microseconds: overflow ? (duration < .zero ? .min : .max) : sum)
    }

    /// The time that lies `duration` before `time`; clamped at the ends of the range.
    public static func - (time: Timestamp, duration: Duration) -> Timestamp {
        let (difference, overflow) = time.microseconds.subtractingReportingOverflow(duration.wholeMicroseconds)
        return Timestamp(microseconds: overflow ? (duration < .zero ? .max : .min) : difference)
    }

    /// How long after `earlier` this is; negative when it is before, clamped at the ends of the range.
    public func elapsed(since earlier: Timestamp) -> Duration {
        let (difference, overflow) = microseconds.subtractingReportingOverflow(earlier.microseconds)
        return .microseconds(overflow ? (self < earlier ? .min : .max) : difference)
    }
}

extension Duration {
    /// The duration in whole microseconds, rounded towards zero and clamped to what 64 bits hold.
    public var wholeMicroseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, carried) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000_000)
        return overflow || carried ? (seconds < 0 ? .min : .max) : sum
    }
}

extension Timestamp: CustomStringConvertible {
    /// RFC 3339 in UTC, for instance `2026-11-22T10:43:00.000250Z`; without the fraction when it is zero.
    public var description: String {
        let remainder = Int(microseconds % 1_000_000)
        let fraction = remainder < 0 ? remainder + 1_000_000 : remainder
        let total = microseconds.dividedFloor(by: 1_000_000)
        let days = total.dividedFloor(by: 86_400)
        let second = Int(total - days * 86_400)
        let (year, month, day) = Self.civilDate(days: days)
        let date = "\(padded(Int(year), 4))-\(padded(month, 2))-\(padded(day, 2))"
        let time = "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
        return "\(date)T\(time)" + (fraction == 0 ? "Z" : ".\(padded(fraction, 6))Z")
    }

    /// The day of the proleptic Gregorian calendar that lies `days` after 1970-01-01.
    private static func civilDate(days: Int64) -> (year: Int64, month: Int, day: Int) {
        // Years begin in March here, so that the leap day is the last of its year; 719,468 days lie between
        // 0000-03-01 and 1970-01-01, and 400 years have 146,097 days.
        let shifted = days + 719_468
        let era = shifted.dividedFloor(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let day = Int(dayOfYear - (153 * marchMonth + 2) / 5 + 1)
        let month = Int(marchMonth < 10 ? marchMonth + 3 : marchMonth - 9)
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}

extension Int64 {
    /// The quotient rounded towards negative infinity.
    fileprivate func dividedFloor(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}

/// `number` in decimal with at least `width` digits.
private func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number.magnitude)
    let zeros = String(repeating: "0", count: Swift.max(0, width - digits.count))
    return (number < 0 ? "-" : "") + zeros + digits
}
