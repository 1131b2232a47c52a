internal import ClusterCore
internal import VPNFormats

extension SQLTransaction {
    /// A row as it was read: its key for messages, and the value or what is wrong with it.
    struct Fetched<Row: StoredRow> {
        var raw: [SQLValue]
        var value: Result<Row, RowFault>
    }

    /// Why a row cannot be used.
    struct RowFault: Error {
        var rejected: RejectedRow

        /// The same as an error for a caller that asked for this one row.
        var error: StorageError {
            let advice = "restore the row from a backup, or remove it and make it anew"
            return StorageError(rejected.reason == .tampered ? .tampered : .malformedRow, "\(rejected)", advice: advice)
        }
    }

    /// The one row that a condition finds.
    ///
    /// - Throws: ``StorageError`` with `tampered` or `malformedRow` when it is not sound.
    func one<Row: StoredRow>(_ type: Row.Type, where condition: String, _ values: [SQLValue]) throws -> Row? {
        var found: Result<Row, RowFault>?
        try query("\(Row.selection) WHERE \(condition) LIMIT 1", values) { raw in found = decoded(type, raw) }
        switch found {
        case nil: return nil
        case .success(let row): return row
        case .failure(let fault): throw fault.error
        }
    }

    /// The revision, or `nil` without a cluster; and the time with it, in one statement.
    ///
    /// - Parameter locking: Whether nobody else may write it until the transaction ends.
    func revision(locking: Bool = false) throws -> Revision? {
        let (columns, lock) = (RevisionRow.columns.joined(separator: ", "), locking ? connection.dialect.rowLock : "")
        let statement = "SELECT \(columns)\(timeColumn) FROM revision WHERE id = ?\(lock)"
        guard let row = try rows(statement, [.integer(1)]).first else { return nil }
        noteTime(row.count > RevisionRow.columns.count ? row.last : nil)
        switch decoded(RevisionRow.self, row) {
        case .success(let found): return found.revision
        case .failure(let fault): throw fault.error
        }
    }

    /// The rows of a query, the unsound ones apart.
    func all<Row: StoredRow>(
        _ type: Row.Type, _ clauses: String, _ values: [SQLValue] = []
    ) throws -> Checked<[Row]> {
        let fetched = try fetch(type, clauses, values)
        return Checked(fetched.compactMap { try? $0.value.get() }, rejected: Self.rejected(fetched))
    }

    /// A page of rows.
    ///
    /// - Parameters:
    ///   - clauses: `WHERE` and `ORDER BY`.
    ///   - position: Where the page after a row begins, from the columns of that row.
    func page<Row: StoredRow, Position>(
        _ type: Row.Type, _ clauses: String, _ values: [SQLValue], limit: Int,
        position: (_ raw: [SQLValue]) -> Position?
    ) throws -> Page<Row, Position> {
        let limit = try Self.checked(limit, maximum: StorageLimits.pageRows)
        let fetched = try fetch(type, "\(clauses) LIMIT \(limit + 1)", values)
        let shown = fetched.prefix(limit)
        var page = Page<Row, Position>(
            rows: shown.compactMap { try? $0.value.get() }, rejected: Self.rejected(shown))
        if fetched.count > limit, let last = shown.last {
            guard let next = position(last.raw) else {
                throw StorageError(
                    .malformedRow, "a key in \(Row.table) has a value of another type than it should",
                    advice: "restore the database from a backup")
            }
            page.next = next
        }
        return page
    }

    /// Whether a condition finds a row, sound or not.
    func exists(_ table: String, where condition: String, _ values: [SQLValue]) throws -> Bool {
        try !rows("SELECT 1 FROM \(table) WHERE \(condition) LIMIT 1", values).isEmpty
    }

    func insert<Row: StoredRow>(_ row: Row) throws {
        let (columns, values) = try written(row)
        let marks = [String](repeating: "?", count: columns.count).joined(separator: ", ")
        try execute(
            "INSERT INTO \(Row.table) (\(columns.joined(separator: ", "))) VALUES (\(marks))", values)
    }

    /// Replaces the rows that a condition finds.
    ///
    /// - Returns: How many there were.
    func update<Row: StoredRow>(_ row: Row, where condition: String, _ values: [SQLValue]) throws -> Int {
        let (columns, new) = try written(row)
        let assignments = columns.map { "\($0) = ?" }.joined(separator: ", ")
        return try execute("UPDATE \(Row.table) SET \(assignments) WHERE \(condition)", new + values)
    }

    /// A number of rows that a caller asked for.
    static func checked(_ limit: Int, maximum: Int) throws -> Int {
        guard (1...maximum).contains(limit) else {
            throw StorageError(.misuse, "a limit of \(limit) rows is not between 1 and \(maximum)")
        }
        return limit
    }

    private func fetch<Row: StoredRow>(
        _ type: Row.Type, _ clauses: String, _ values: [SQLValue]
    ) throws -> [Fetched<Row>] {
        var fetched: [Fetched<Row>] = []
        try query("\(Row.selection) \(clauses)", values) { raw in
            fetched.append(Fetched(raw: raw, value: decoded(type, raw)))
        }
        return fetched
    }

    /// A row as read, or what is wrong with it.
    func decoded<Row: StoredRow>(_ type: Row.Type, _ raw: [SQLValue]) -> Result<Row, RowFault> {
        if Row.isAuthenticated, !isAuthentic(type, Array(raw.prefix(Row.columns.count)), code: raw.last) {
            return .failure(RowFault(rejected: Self.rejection(type, raw, .tampered)))
        }
        // What follows the columns (the code, the time) is not read.
        var reader = RowReader(table: Row.table, columns: Row.columns, values: raw)
        do {
            return .success(try Row(from: &reader))
        } catch {
            let column = (error as? MalformedColumn)?.column
            return .failure(RowFault(rejected: Self.rejection(type, raw, .malformed, column: column)))
        }
    }

    private func isAuthentic<Row: StoredRow>(_ type: Row.Type, _ values: [SQLValue], code: SQLValue?) -> Bool {
        guard case .blob(let code) = code, (1...128).contains(code.count) else { return false }
        return authenticator.isValid(code, for: type.facts(values))
    }

    private func written<Row: StoredRow>(_ row: Row) throws -> ([String], [SQLValue]) {
        let values = row.values
        for value in values where Self.byteCount(value) > StorageLimits.valueBytes {
            throw StorageError(.invalid, "a value for \(Row.table) is larger than \(StorageLimits.valueBytes) bytes")
        }
        guard Row.isAuthenticated else { return (Row.columns, values) }
        return (Row.columns + ["mac"], values + [.blob(authenticator.code(for: Row.facts(values)))])
    }

    private static func byteCount(_ value: SQLValue) -> Int {
        switch value {
        case .text(let text): text.utf8.count
        case .blob(let bytes): bytes.count
        case .null, .integer, .real: 8
        }
    }

    private static func rejected<Row: StoredRow>(_ fetched: some Sequence<Fetched<Row>>) -> [RejectedRow] {
        fetched.compactMap {
            if case .failure(let fault) = $0.value { fault.rejected } else { nil }
        }
    }

    private static func rejection<Row: StoredRow>(
        _ type: Row.Type, _ raw: [SQLValue], _ reason: RejectedRow.Reason, column: String? = nil
    ) -> RejectedRow {
        RejectedRow(table: Row.table, id: keyText(raw.first), reason: reason, column: column)
    }

    /// A key for a message: bytes as hexadecimal digits, text without control characters, both cut.
    private static func keyText(_ value: SQLValue?) -> String {
        switch value {
        case .blob(let bytes): Hex.encode(bytes.prefix(20))
        case .text(let text): text.bounded(bytes: 64)
        case .integer(let number): "\(number)"
        default: "?"
        }
    }
}
