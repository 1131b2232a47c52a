/// When a user is locked out after wrong passwords: a pure function over what the store has of the user's failures and
/// the present time.
///
/// `threshold` failures in a row lock the user for `duration`; a failure that came later than `duration` after the one
/// before begins a new row. While a user is locked passwords are not looked at and nothing is counted, so that nobody
/// can keep a user out for ever; when the lock ends the count begins anew. A good login clears the row.
public struct LockoutRules: Hashable, Sendable {
    /// After how many failures in a row; 0 means never.
    public var threshold: Int
    /// For how long.
    public var duration: Duration

    /// Takes over rules; negative values count as 0.
    public init(threshold: Int = 5, duration: Duration = .seconds(900)) {
        self.threshold = max(0, threshold)
        self.duration = max(.zero, duration)
    }

    /// The rules of the settings `lockout.threshold` and `lockout.duration`.
    public init(_ settings: Settings) {
        self.init(threshold: settings[.lockoutThreshold], duration: settings[.lockoutDuration])
    }

    /// Until when the user is locked, or nil.
    ///
    /// A lock never ends later than `duration` after `now`, whatever a clock that jumped wrote into the row.
    public func lockedUntil(_ failures: LoginFailures?, now: Timestamp) -> Timestamp? {
        guard threshold > 0, let until = failures?.lockedUntil, until > now else { return nil }
        return min(until, now + duration)
    }

    /// The row after one more failure; to be written with the version that was read.
    ///
    /// - Parameters:
    ///   - failures: What is stored, nil when nothing is.
    ///   - user: Whose password was wrong.
    ///   - now: Store time.
    public func afterFailure(_ failures: LoginFailures?, user: UserID, now: Timestamp) -> LoginFailures {
        guard let old = failures else { return first(user: user, version: 0, now: now) }
        if lockedUntil(old, now: now) != nil { return old }
        let isOver = old.lockedUntil != nil || now.elapsed(since: old.lastAt) > duration
        if isOver { return first(user: user, version: old.version, now: now) }
        var row = old
        row.count = old.count < .max ? old.count + 1 : old.count
        row.lastAt = max(now, old.lastAt)
        return locked(row, now: now)
    }

    private func first(user: UserID, version: Int64, now: Timestamp) -> LoginFailures {
        locked(LoginFailures(user: user, count: 1, firstAt: now, lastAt: now, version: version), now: now)
    }

    private func locked(_ row: LoginFailures, now: Timestamp) -> LoginFailures {
        guard threshold > 0, row.count >= threshold else { return row }
        var row = row
        row.lockedUntil = now + duration
        return row
    }
}
