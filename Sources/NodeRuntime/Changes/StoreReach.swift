internal import ClusterCore

/// Whether a node reads the store: the last look that succeeded began less than two seconds ago. Older is an outage.
struct StoreReach: Sendable {
    /// What a look has changed.
    enum Change: Hashable, Sendable {
        /// An outage began.
        case lost
        /// It is over.
        case found
    }

    /// How old the last look that succeeded may be.
    static let patience = Duration.seconds(2)

    private var lastRead: Duration
    private var isLost = false

    /// - Parameter start: When the store was read before the first look, on the clock of the looks.
    init(since start: Duration) { lastRead = start }

    /// Takes a look into account.
    ///
    /// - Parameters:
    ///   - sighting: The look.
    ///   - now: The time after it, on the clock of the looks.
    /// - Returns: What it has changed.
    mutating func note(_ sighting: StoreSighting, now: Duration) -> Change? {
        if case .read(_, _, let began) = sighting { lastRead = began }
        let isAway = now - lastRead >= Self.patience
        guard isAway != isLost else { return nil }
        isLost = isAway
        return isAway ? .lost : .found
    }
}
