/// What differs between databases in the statements that are written once.
public protocol SQLDialect: Sendable {
    /// The database's name, for messages.
    var name: String { get }

    /// Whether a failed `COMMIT` always tells if the transaction was committed. Where it does not (a network lies in
    /// between), every transaction writes a marker row by which one can find out.
    var tellsCommitOutcome: Bool { get }

    /// Whether statements that change the schema can be rolled back.
    var hasTransactionalSchema: Bool { get }

    /// The statement as the database wants it: its own placeholders in place of `?`.
    func rendered(_ statement: String) -> String

    /// The statement that makes a table unless it is there, and those that make its indexes.
    func creating(_ table: SQLTable) -> [String]
}

extension SQLDialect {
    /// The statement as it is.
    public func rendered(_ statement: String) -> String { statement }
}
