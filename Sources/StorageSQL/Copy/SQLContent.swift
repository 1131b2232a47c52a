internal import ClusterCore

extension SQLReader: ContentReader {
    func page(of table: ContentTable, after key: [ContentRow.Value]?) throws -> ContentPage {
        let keys = KeyOrder(table)
        let (condition, values) = key.map { keys.beyond($0, including: false) } ?? ("1 = 1", [])
        let columns = table.columns.map(\.name).joined(separator: ", ")
        let statement =
            "SELECT \(columns) FROM \(table.name) WHERE \(condition) ORDER BY \(keys.ascending) "
            + "LIMIT \(ContentPage.mostRows)"
        var (rows, byteCount): ([ContentRow], Int) = ([], 0)
        let isWhole = try transaction.each(statement, values) { raw in
            let row = try Self.row(raw, of: table)
            rows.append(row)
            byteCount += row.byteCount
            return byteCount < ContentPage.fullBytes
        }
        return ContentPage(rows: rows, isLast: isWhole && rows.count < ContentPage.mostRows)
    }

    func lastKey(of table: ContentTable) throws -> [ContentRow.Value]? {
        try lastKeys(of: table, count: 1).first
    }

    func rowCount(of table: ContentTable) throws -> Int {
        guard case .integer(let count)? = try transaction.rows("SELECT COUNT(*) FROM \(table.name)").first?.first
        else { return 0 }
        return Int(clamping: count)
    }

    func isEmpty() throws -> Bool {
        let names = SQLBackend.carriedTables.map(\.name) + ["revision", "nodes", "sessions"]
        return try names.allSatisfy { try !transaction.exists($0, where: "1 = 1", []) }
    }

    /// The largest keys, the largest first.
    func lastKeys(of table: ContentTable, count: Int) throws -> [[ContentRow.Value]] {
        let keys = KeyOrder(table)
        let statement =
            "SELECT \(keys.columns.joined(separator: ", ")) FROM \(table.name) ORDER BY \(keys.descending) LIMIT \(count)"
        return try transaction.rows(statement).map { raw in
            try raw.map { value in
                guard let value = ContentRow.Value(value) else { throw Self.malformed(table, "its key") }
                return value
            }
        }
    }

    private static func row(_ raw: [SQLValue], of table: ContentTable) throws -> ContentRow {
        let row = ContentRow(raw.map { ContentRow.Value($0) ?? .null })
        guard zip(raw, row.values).allSatisfy({ $1 != .null || $0 == .null }) else {
            throw malformed(table, "a column")
        }
        if let column = table.misfit(in: row) { throw malformed(table, column) }
        return row
    }

    static func malformed(_ table: ContentTable, _ column: String) -> StorageError {
        StorageError(
            .malformedRow, "a row of \(table.name) has no usable value in \(column)",
            advice: "remove the row, or restore it from a backup")
    }
}

extension SQLWriter: ContentWriter {
    /// The most values that one statement has: every database takes so many.
    private static let mostValues = 8_000
    /// A statement has no further row once it has so many bytes.
    private static let fullBytes = 1 << 20

    var content: any ContentReader { SQLReader(transaction: transaction) }

    func load(_ rows: [ContentRow], into table: ContentTable) throws {
        let most = Swift.max(1, Swift.min(500, Self.mostValues / table.columns.count))
        var (values, count, byteCount): ([SQLValue], Int, Int) = ([], 0, 0)
        for row in rows {
            if let column = table.misfit(in: row) { throw SQLReader.malformed(table, column) }
            values += row.values.map(SQLValue.init)
            count += 1
            byteCount += row.byteCount
            guard count == most || byteCount >= Self.fullBytes else { continue }
            try insert(count, values, into: table)
            (values, count, byteCount) = ([], 0, 0)
        }
        if count > 0 { try insert(count, values, into: table) }
    }

    func removeLastRows(of table: ContentTable) throws -> Int {
        let last = try SQLReader(transaction: transaction).lastKeys(of: table, count: ContentPage.mostRows)
        guard let first = last.last else { return 0 }
        let (condition, values) = KeyOrder(table).beyond(first, including: true)
        return try transaction.execute("DELETE FROM \(table.name) WHERE \(condition)", values)
    }

    func beginLineage(
        _ lineage: LineageID, after number: Int64, by actor: AuditActor, _ action: AuditAction, detail: String
    ) throws {
        var generator = transaction.generator
        try transaction.insert(
            RevisionRow(Revision(lineage: lineage, number: number, change: ChangeID(using: &generator))))
        guard let cluster = try config.cluster() else {
            throw StorageError(.notFound, "what was loaded holds no cluster", advice: "load something else")
        }
        try change(by: actor) { change in
            (change as? SQLConfigurationChange)?.note(action, .cluster, cluster.id.description, detail)
        }
    }

    /// One statement for several rows.
    private func insert(_ count: Int, _ values: [SQLValue], into table: ContentTable) throws {
        let columns = table.columns.map(\.name).joined(separator: ", ")
        let marks = "(" + [String](repeating: "?", count: table.columns.count).joined(separator: ", ") + ")"
        let all = [String](repeating: marks, count: count).joined(separator: ", ")
        try transaction.execute("INSERT INTO \(table.name) (\(columns)) VALUES \(all)", values)
    }
}

/// The order of the rows of a table by their keys, in SQL.
private struct KeyOrder {
    let columns: [String]

    init(_ table: ContentTable) { columns = table.key.map { table.columns[$0].name } }

    var ascending: String { columns.joined(separator: ", ") }
    var descending: String { columns.map { "\($0) DESC" }.joined(separator: ", ") }

    /// The condition for the rows after a key, and its values: for two columns `a > ? OR (a = ? AND b > ?)`.
    func beyond(_ key: [ContentRow.Value], including isIncluded: Bool) -> (String, [SQLValue]) {
        var (parts, values): ([String], [SQLValue]) = ([], [])
        for (index, column) in columns.enumerated() {
            let isLast = index == columns.count - 1
            let comparison = "\(column) \(isLast && isIncluded ? ">=" : ">") ?"
            let all = columns[..<index].map { "\($0) = ?" } + [comparison]
            parts.append("(\(all.joined(separator: " AND ")))")
            values += key.prefix(index + 1).map(SQLValue.init)
        }
        return (parts.joined(separator: " OR "), values)
    }
}

extension ContentRow.Value {
    /// The value of a column; `nil` for a floating-point number, which no column of ours has.
    fileprivate init?(_ value: SQLValue) {
        switch value {
        case .null: self = .null
        case .integer(let number): self = .integer(number)
        case .text(let text): self = .text(text)
        case .blob(let bytes): self = .bytes(bytes)
        case .real: return nil
        }
    }
}

extension SQLValue {
    fileprivate init(_ value: ContentRow.Value) {
        switch value {
        case .null: self = .null
        case .integer(let number): self = .integer(number)
        case .text(let text): self = .text(text)
        case .bytes(let bytes): self = .blob(bytes)
        }
    }
}
