/// How often and how long a transaction is tried, and how long one waits in between.
///
/// Tried again are conflicts, a database that is busy, lost connections and commits whose outcome is unknown; a server that
/// cannot be reached, if it was at an earlier try of the same transaction.
public struct RetryPolicy: Hashable, Sendable {
    /// The most tries, the first one included.
    public var tries: Int
    /// After this time no further try begins.
    public var time: Duration
    /// The most that is waited before the second try; doubles with each further one.
    public var firstDelay: Duration
    /// The most that is waited before any try.
    public var longestDelay: Duration
    /// Whether a server that turned out to be read-only is tried again: behind its name another one takes over after a
    /// fail-over. A file is not.
    public var retriesReadOnly: Bool

    /// Makes a retry policy of its parts, which are explained at the properties.
    public init(
        tries: Int = 30, time: Duration = .seconds(10), firstDelay: Duration = .milliseconds(4),
        longestDelay: Duration = .milliseconds(500), retriesReadOnly: Bool = false
    ) {
        self.tries = tries
        self.time = time
        self.firstDelay = firstDelay
        self.longestDelay = longestDelay
        self.retriesReadOnly = retriesReadOnly
    }

    /// How long to wait after a failed try: anything from nothing to the bound, evenly (full jitter), so that those who
    /// clashed once do not clash again.
    ///
    /// - Parameters:
    ///   - attempt: The number of the try that failed, from 1.
    ///   - generator: The source of randomness.
    public func delay(after attempt: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        let doublings = Swift.min(Swift.max(attempt - 1, 0), 30)
        let bound = Swift.min(firstDelay * (1 << doublings), longestDelay)
        return bound * Double.random(in: 0...1, using: &generator)
    }
}
