public import StorageSQL

/// A driver made wrong on purpose, in one way, over one that is right: the cases for drivers, or for backends over it,
/// have to notice.
public enum DriverMutant: String, Sendable, CaseIterable {
    /// Lets others write between what a transaction reads and what it writes.
    case losesUpdates
    /// Answers from the state that the connection saw when it first read.
    case readsStale
    /// Forgets the marker row by which a commit that was made is known again, so that a retried one is applied twice.
    case commitsTwice
    /// Rounds times to milliseconds.
    case losesMicroseconds
    /// Writes text in lower case.
    case foldsCase
    /// Takes an empty value for none.
    case emptiesAreNull
    /// Keeps what was rolled back.
    case keepsFailures
    /// Reads a new state with each statement.
    case readsShift
    /// Loses a row of a long result.
    case skipsRows
    /// Does not say which rule was violated.
    case hidesRules

    /// The wrong connection over a right one.
    public func wrap(_ connection: any SQLConnection) -> any SQLConnection {
        switch self {
        case .losesUpdates: UpdateLosingConnection(connection)
        case .readsStale: StaleConnection(connection)
        case .commitsTwice: MarkerlessConnection(connection)
        case .keepsFailures: FailureKeepingConnection(connection)
        case .readsShift: ShiftingConnection(connection)
        case .losesMicroseconds, .foldsCase, .emptiesAreNull: ValueChangingConnection(connection, self)
        case .skipsRows: RowSkippingConnection(connection)
        case .hidesRules: RuleHidingConnection(connection)
        }
    }
}
