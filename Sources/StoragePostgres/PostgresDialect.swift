internal import StorageSQL

/// PostgreSQL as the shared statements see it.
struct PostgresDialect: SQLDialect {
    let name = "PostgreSQL"
    let tellsCommitOutcome = false
    let hasTransactionalSchema = true
    /// Notifications reach all of a database; a store is in one schema of it.
    static let channel = "'asnode_' || md5(current_schema())"
    var announcement: String? { "SELECT pg_notify(\(Self.channel), '')" }

    /// `$1`, `$2`, … in place of each `?`.
    func rendered(_ statement: String) -> String { numbered(statement).text }

    /// The statement with numbered placeholders, and how many there are.
    func numbered(_ statement: String) -> (text: String, count: Int) {
        var number = 0
        var result = ""
        result.reserveCapacity(statement.utf8.count + 16)
        for character in statement {
            if character == "?" {
                number += 1
                result += "$\(number)"
            } else {
                result.append(character)
            }
        }
        return (result, number)
    }

    /// Text has the collation `C`, which compares and orders byte for byte; limits count bytes. The primary key has the
    /// name that its index would have, by which a violation is told.
    func creating(_ table: SQLTable) -> [String] {
        let name = table.name
        var parts = table.columns.map(definition)
        parts.append("CONSTRAINT \(indexName(name, table.primaryKey)) PRIMARY KEY (\(list(table.primaryKey)))")
        return ["CREATE TABLE IF NOT EXISTS \(name) (\(parts.joined(separator: ", ")))"]
            + table.uniqueKeys.map { index("UNIQUE INDEX", name, $0) }
            + table.indexes.map { index("INDEX", name, $0) }
    }

    var serverTime: String? { "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint" }
    var returnsRows: Bool { true }
    var rowLock: String { " FOR UPDATE" }

    func adding(_ column: SQLTable.Column, to table: String) -> String {
        "ALTER TABLE \(table) ADD COLUMN \(definition(column))"
    }

    private func definition(_ column: SQLTable.Column) -> String {
        let null = column.isOptional ? "" : " NOT NULL"
        switch column.kind {
        case .integer:
            return "\(column.name) BIGINT\(null)"
        case .text(let bytes):
            return "\(column.name) TEXT COLLATE \"C\"\(null) CHECK (octet_length(\(column.name)) <= \(bytes))"
        case .bytes(let bytes):
            return "\(column.name) BYTEA\(null) CHECK (octet_length(\(column.name)) <= \(bytes))"
        }
    }

    private func index(_ kind: String, _ table: String, _ columns: [String]) -> String {
        "CREATE \(kind) IF NOT EXISTS \(indexName(table, columns)) ON \(table) (\(list(columns)))"
    }

    private func indexName(_ table: String, _ columns: [String]) -> String {
        "\(table)_\(columns.joined(separator: "_"))"
    }

    private func list(_ columns: [String]) -> String { columns.joined(separator: ", ") }
}
