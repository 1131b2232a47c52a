/// A table of the shared store as it is carried to another store or into a backup: as rows of plain values, secrets
/// sealed and authentication codes as they are, so that carrying needs no key and can forge nothing.
public struct ContentTable: Hashable, Sendable {
    /// One column.
    public struct Column: Hashable, Sendable {
        /// What a column holds.
        public enum Kind: Hashable, Sendable {
            /// A signed 64-bit number.
            case integer
            /// At most so many bytes of UTF-8.
            case text(Int)
            /// At most so many bytes.
            case bytes(Int)
        }

        /// The name.
        public var name: String
        /// What it holds.
        public var kind: Kind
        /// Whether it may hold nothing.
        public var isOptional: Bool

        /// Makes a column of its parts, which are explained at the properties.
        public init(_ name: String, _ kind: Kind, optional: Bool = false) {
            self.name = name
            self.kind = kind
            self.isOptional = optional
        }
    }

    /// The name, the same in every backend and in backups.
    public let name: String
    /// The columns, in the order in which rows have their values.
    public let columns: [Column]
    /// The places of the columns that identify a row; rows are read in the order of these.
    public let key: [Int]

    /// Makes a table.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - columns: The columns, in order.
    ///   - key: The names of the columns that identify a row; a name that is no column's is left out.
    public init(_ name: String, _ columns: [Column], key: [String]) {
        self.name = name
        self.columns = columns
        self.key = key.compactMap { word in columns.firstIndex { $0.name == word } }
    }

    /// The column whose value a row may not have, or `nil` for a row that the table can hold.
    public func misfit(in row: ContentRow) -> String? {
        guard row.values.count == columns.count else { return "row" }
        for (column, value) in zip(columns, row.values) where !column.accepts(value) { return column.name }
        return nil
    }

    /// The values of the key of a row that fits.
    public func key(of row: ContentRow) -> [ContentRow.Value] {
        key.compactMap { row.values.indices.contains($0) ? row.values[$0] : nil }
    }
}

extension ContentTable.Column {
    /// Whether the column can hold a value.
    func accepts(_ value: ContentRow.Value) -> Bool {
        switch (kind, value) {
        case (_, .null): isOptional
        case (.integer, .integer): true
        case (.text(let limit), .text(let text)): text.utf8.count <= limit
        case (.bytes(let limit), .bytes(let bytes)): bytes.count <= limit
        default: false
        }
    }
}

/// One row of a ``ContentTable``.
public struct ContentRow: Hashable, Sendable {
    /// One column's value.
    public typealias Value = AuthenticatedRow.Field

    /// The values, in the order of the table's columns.
    public var values: [Value]

    /// Makes a row of its values.
    public init(_ values: [Value]) { self.values = values }

    /// How many bytes the values take, about.
    public var byteCount: Int {
        values.reduce(0) { sum, value in
            switch value {
            case .null: sum + 1
            case .integer: sum + 9
            case .text(let text): sum + 5 + text.utf8.count
            case .bytes(let bytes): sum + 5 + bytes.count
            }
        }
    }
}

extension ContentRow: CustomStringConvertible {
    /// The number of values, never the values: they may be secrets.
    public var description: String { "row(\(values.count) values)" }
}

/// Rows that were read together.
public struct ContentPage: Sendable {
    /// The rows, in the order of their keys.
    public var rows: [ContentRow]
    /// Whether there are no rows after these.
    public var isLast: Bool

    /// Makes a page of its parts, which are explained at the properties.
    public init(rows: [ContentRow], isLast: Bool) {
        self.rows = rows
        self.isLast = isLast
    }

    /// The most rows of a page.
    public static let mostRows = 2_000
    /// A page ends after the row with which it has this many bytes.
    public static let fullBytes = 2 << 20
}
