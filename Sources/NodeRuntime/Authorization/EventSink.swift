internal import ClusterCore

/// Where the authorizer's events go on their way to the store. Calls return at once.
protocol EventSink: Sendable {
    /// Takes an event to be written.
    func record(_ event: RecordedEvent)
    /// Asks for a new verifier of a password that was right, of the cost that the settings ask for.
    func rehash(_ password: String, of user: UserID, cost: ScryptCost)
    /// The failed logins of a user as they are in the store now; `nil` when the store was asked for this user a moment
    /// ago, cannot be read, or does not have yet what was counted here.
    func storedFailures(of user: UserID) async -> StoredFailures?
}

/// What the store has of a user's failed logins.
struct StoredFailures: Sendable {
    /// The row; `nil` when there is none.
    let row: LoginFailures?
}
