/// What differs between databases in the statements that are written once.
public protocol SQLDialect: Sendable {
    /// The database's name, for messages.
    var name: String { get }

    /// Whether a failed `COMMIT` always tells if the transaction was committed. Where it does not (a network lies in
    /// between), every transaction writes a marker row by which one can find out.
    var tellsCommitOutcome: Bool { get }

    /// Whether the server may give a transaction up between two statements and run the next ones in a new one without a
    /// word, as was seen of Galera. Before a commit, the marker row is looked for there.
    var losesTransactions: Bool { get }

    /// Whether statements that change the schema can be rolled back.
    var hasTransactionalSchema: Bool { get }

    /// An expression for the time on the server's clock, in microseconds since 1970 UTC; `nil` where the database has no
    /// clock of its own.
    var serverTime: String? { get }

    /// Whether an `INSERT` from a `SELECT` can give the rows that it wrote (`RETURNING`), which saves reading the time.
    var returnsRows: Bool { get }

    /// What is put behind a `SELECT` of one row to keep others from writing it until the transaction ends, with a space
    /// before it; empty where transactions that write come one after the other anyway.
    var rowLock: String { get }

    /// A statement without values that wakes those who wait in ``SQLConnection/waitForNotification(upTo:)``, on all
    /// connections to this store and no other, once the transaction that runs it is committed; `nil` where the database
    /// cannot.
    var announcement: String? { get }

    /// The statement as the database wants it: its own placeholders in place of `?`.
    func rendered(_ statement: String) -> String

    /// The statement that makes a table unless it is there, and those that make its indexes.
    func creating(_ table: SQLTable) -> [String]

    /// The statement that adds a column, which may hold NULL, to a table that is there.
    func adding(_ column: SQLTable.Column, to table: String) -> String
}

extension SQLDialect {
    /// The statement as it is.
    public func rendered(_ statement: String) -> String { statement }

    /// It does not.
    public var losesTransactions: Bool { false }
    /// None.
    public var serverTime: String? { nil }
    /// It cannot.
    public var returnsRows: Bool { false }
    /// None.
    public var rowLock: String { "" }
    /// None.
    public var announcement: String? { nil }
}
