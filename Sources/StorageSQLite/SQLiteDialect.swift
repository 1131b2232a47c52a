internal import StorageSQL

/// SQLite as the shared statements see it.
struct SQLiteDialect: SQLDialect {
    let name = "SQLite"
    let tellsCommitOutcome = true
    let hasTransactionalSchema = true

    /// Tables are `STRICT` (https://www.sqlite.org/stricttables.html), so a value of another type is refused when it is
    /// written; limits on bytes are checked too, as other databases do by their types.
    func creating(_ table: SQLTable) -> [String] {
        var parts = table.columns.map(definition)
        parts.append("PRIMARY KEY (\(list(table.primaryKey)))")
        let name = table.name
        let create = "CREATE TABLE IF NOT EXISTS \(name) (\(parts.joined(separator: ", "))) STRICT"
        return [create] + table.uniqueKeys.map { index("UNIQUE INDEX", name, $0) }
            + table.indexes.map { index("INDEX", name, $0) }
    }

    func adding(_ column: SQLTable.Column, to table: String) -> String {
        "ALTER TABLE \(table) ADD COLUMN \(definition(column))"
    }

    private func definition(_ column: SQLTable.Column) -> String {
        let null = column.isOptional ? "" : " NOT NULL"
        switch column.kind {
        case .integer: return "\(column.name) INTEGER\(null)"
        case .text(let bytes):
            return "\(column.name) TEXT\(null) CHECK (length(CAST(\(column.name) AS BLOB)) <= \(bytes))"
        case .bytes(let bytes):
            return "\(column.name) BLOB\(null) CHECK (length(\(column.name)) <= \(bytes))"
        }
    }

    private func index(_ kind: String, _ table: String, _ columns: [String]) -> String {
        "CREATE \(kind) IF NOT EXISTS \(table)_\(columns.joined(separator: "_")) ON \(table) (\(list(columns)))"
    }

    private func list(_ columns: [String]) -> String { columns.joined(separator: ", ") }
}
