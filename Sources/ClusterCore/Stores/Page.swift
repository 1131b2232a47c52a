/// Part of a long list.
public struct Page<Row: Sendable, Position: Sendable>: Sendable {
    /// The sound rows, in order.
    public var rows: [Row]
    /// The rows that could not be used; log them.
    public var rejected: [RejectedRow]
    /// Where the next page begins, or `nil` after the last one.
    public var next: Position?

    /// Makes a page of its parts, which are explained at the properties.
    public init(rows: [Row], rejected: [RejectedRow] = [], next: Position? = nil) {
        self.rows = rows
        self.rejected = rejected
        self.next = next
    }
}

/// A value made of several rows, and the rows that could not be used for it.
public struct Checked<Value: Sendable>: Sendable {
    /// What the sound rows say.
    public var value: Value
    /// The rows that could not be used; log them.
    public var rejected: [RejectedRow]

    /// Makes the value of its parts, which are explained at the properties.
    public init(_ value: Value, rejected: [RejectedRow] = []) {
        self.value = value
        self.rejected = rejected
    }
}

/// A row that was left out: someone without the cluster's key wrote it, or its values are not what they should be.
public struct RejectedRow: Hashable, Sendable, CustomStringConvertible {
    /// What is wrong with it.
    public enum Reason: String, Sendable {
        /// Its authentication code is wrong: it was written by someone without the cluster's key.
        case tampered
        /// A column has a value of another type, or one that the domain does not allow.
        case malformed
    }

    /// The table.
    public var table: String
    /// The row's key as text, or as much of it as can be read.
    public var id: String
    /// What is wrong.
    public var reason: Reason
    /// The column, when one is malformed.
    public var column: String?

    /// Makes a rejected row of its parts, which are explained at the properties.
    public init(table: String, id: String, reason: Reason, column: String? = nil) {
        self.table = table
        self.id = id
        self.reason = reason
        self.column = column
    }

    /// One line for a log.
    public var description: String {
        switch reason {
        case .tampered: "row \(id) of \(table) was not written by this cluster (its authentication code is wrong)"
        case .malformed: "row \(id) of \(table) has no usable value in \(column ?? "a column")"
        }
    }
}

/// Limits on what one call reads or writes, so that no transaction is long.
public enum StorageLimits {
    /// The most rows of a page.
    public static let pageRows = 1000
    /// The most rows of a batch that is written, pruned or read whole.
    public static let batchRows = 10_000
    /// The most bytes of one value.
    public static let valueBytes = 1 << 20
}
