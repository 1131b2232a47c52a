/// How far a copy, backup or restore has come; for a terminal.
public struct MoveProgress: Sendable, Hashable {
    /// What is being done.
    public enum Stage: String, Sendable {
        /// The file is read once to see that it is whole.
        case examining
        /// Rows are read from one store into another, or into a file or out of one.
        case copying
        /// Rows are counted and checksummed.
        case verifying
        /// Rows are removed.
        case removing
    }

    /// What is being done.
    public var stage: Stage
    /// The table.
    public var table: String
    /// How many rows of it are done.
    public var rows: Int
    /// How many rows it has, where that is known.
    public var total: Int?

    /// Takes what is shown; called from any thread, not more than once a page.
    public typealias Report = @Sendable (MoveProgress) -> Void
}
