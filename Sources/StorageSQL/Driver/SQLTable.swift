/// A table as a value, from which each dialect writes its own statement.
public struct SQLTable: Hashable, Sendable {
    /// One column.
    public struct Column: Hashable, Sendable {
        /// What a column holds.
        public enum Kind: Hashable, Sendable {
            /// A signed 64-bit number.
            case integer
            /// UTF-8 text of at most so many bytes, compared byte for byte.
            case text(Int)
            /// At most so many bytes, compared byte for byte.
            case bytes(Int)
        }

        /// The name.
        public var name: String
        /// What it holds.
        public var kind: Kind
        /// Whether it may hold NULL.
        public var isOptional: Bool

        /// Makes a column of its parts, which are explained at the properties.
        public init(_ name: String, _ kind: Kind, optional: Bool = false) {
            self.name = name
            self.kind = kind
            self.isOptional = optional
        }
    }

    /// The name.
    public var name: String
    /// The columns, in order.
    public var columns: [Column]
    /// The columns of the primary key; every table has one.
    public var primaryKey: [String]
    /// Further unique keys; rows with a NULL in one do not collide.
    public var uniqueKeys: [[String]]
    /// Further indexes.
    public var indexes: [[String]]

    /// Makes the value of its parts, which are explained at the properties.
    public init(
        _ name: String, _ columns: [Column], primaryKey: [String], uniqueKeys: [[String]] = [],
        indexes: [[String]] = []
    ) {
        self.name = name
        self.columns = columns
        self.primaryKey = primaryKey
        self.uniqueKeys = uniqueKeys
        self.indexes = indexes
    }
}
