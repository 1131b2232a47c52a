internal import ClusterCore

/// A value that is one row of one table.
protocol StoredRow: Sendable {
    /// The table.
    static var table: String { get }
    /// The columns, in the order of ``values``, the key first.
    static var columns: [String] { get }
    /// `SELECT`, all columns, `FROM` and the table; made once.
    static var selection: String { get }
    /// Whether the table has an authentication code in a further column.
    static var isAuthenticated: Bool { get }
    /// The columns' values.
    var values: [SQLValue] { get }
    /// Reads the columns in order.
    init(from row: inout RowReader) throws
}

extension StoredRow {
    /// What ``selection`` is.
    static func makeSelection() -> String {
        let columns = columns + (isAuthenticated ? ["mac"] : [])
        return "SELECT \(columns.joined(separator: ", ")) FROM \(table)"
    }
}

/// A row with an authentication code in a further column, `mac`.
///
/// The code covers the table, the names of all columns that are not NULL, and their values, so a column that a later
/// version adds changes the code of no row that does not use it.
protocol AuthenticatedStoredRow: StoredRow {}

extension AuthenticatedStoredRow {
    static var isAuthenticated: Bool { true }
}

extension StoredRow {
    static var isAuthenticated: Bool { false }

    /// What the authentication code is made of.
    static func facts(_ values: [SQLValue]) -> AuthenticatedRow {
        let fields = zip(columns, values).flatMap { column, value -> [AuthenticatedRow.Field] in
            switch value {
            case .null: []
            case .integer(let number): [.text(column), .integer(number)]
            case .real: [.text(column), .null]
            case .text(let text): [.text(column), .text(text)]
            case .blob(let bytes): [.text(column), .bytes(bytes)]
            }
        }
        return AuthenticatedRow(table: table, fields: fields)
    }
}

/// Reads the columns of one row, in order, into types.
struct RowReader {
    private let table: String
    private let columns: [String]
    private let values: [SQLValue]
    private var index = 0

    init(table: String, columns: [String], values: [SQLValue]) {
        self.table = table
        self.columns = columns
        self.values = values
    }

    mutating func integer() throws -> Int64 {
        guard case .integer(let number) = next() else { throw malformed() }
        return number
    }

    mutating func optionalInteger() throws -> Int64? {
        switch next() {
        case .null: return nil
        case .integer(let number): return number
        default: throw malformed()
        }
    }

    mutating func count() throws -> Int {
        guard let count = Int(exactly: try integer()), count >= 0 else { throw malformed() }
        return count
    }

    mutating func boolean() throws -> Bool {
        switch try integer() {
        case 0: return false
        case 1: return true
        default: throw malformed()
        }
    }

    mutating func timestamp() throws -> Timestamp { Timestamp(microseconds: try integer()) }

    mutating func optionalTimestamp() throws -> Timestamp? {
        try optionalInteger().map { Timestamp(microseconds: $0) }
    }

    mutating func text() throws -> String {
        guard case .text(let text) = next() else { throw malformed() }
        return text
    }

    mutating func bytes() throws -> [UInt8] {
        guard case .blob(let bytes) = next() else { throw malformed() }
        return bytes
    }

    mutating func optionalBytes() throws -> [UInt8]? {
        switch next() {
        case .null: return nil
        case .blob(let bytes): return bytes
        default: throw malformed()
        }
    }

    /// Text or bytes as a type that not everything is a value of.
    mutating func text<T>(_ parse: (String) -> T?) throws -> T {
        guard let value = parse(try text()) else { throw malformed() }
        return value
    }

    mutating func optionalText<T>(_ parse: (String) -> T?) throws -> T? {
        switch next() {
        case .null: return nil
        case .text(let text):
            guard let value = parse(text) else { throw malformed() }
            return value
        default: throw malformed()
        }
    }

    mutating func bytes<T>(_ parse: ([UInt8]) -> T?) throws -> T {
        guard let value = parse(try bytes()) else { throw malformed() }
        return value
    }

    mutating func optionalBytes<T>(_ parse: ([UInt8]) -> T?) throws -> T? {
        guard let bytes = try optionalBytes() else { return nil }
        guard let value = parse(bytes) else { throw malformed() }
        return value
    }

    mutating func identifier<Subject>(_ subject: Subject.Type = Subject.self) throws -> Identifier<Subject> {
        try bytes { Identifier(bytes: $0) }
    }

    /// That the column which was read last has a value that it should not have.
    func malformed() -> MalformedColumn {
        MalformedColumn(column: columns.indices.contains(index - 1) ? columns[index - 1] : "?")
    }

    private mutating func next() -> SQLValue {
        defer { index += 1 }
        return values.indices.contains(index) ? values[index] : .null
    }
}

/// A value that a column should not have.
struct MalformedColumn: Error {
    var column: String
}
