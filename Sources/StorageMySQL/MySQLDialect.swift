internal import StorageSQL

/// The MySQL family as the shared statements see it.
struct MySQLDialect: SQLDialect {
    /// Whether the server is MariaDB, whose collations have other names than MySQL's.
    let isMariaDB: Bool
    /// Whether the server is one of a Galera cluster.
    let isGalera: Bool

    let tellsCommitOutcome = false
    let hasTransactionalSchema = false

    var losesTransactions: Bool { isGalera }
    var name: String { isMariaDB ? "MariaDB" : "MySQL" }

    /// Text is compared byte for byte, trailing spaces included; limits count bytes. Indexes are made with their table,
    /// since `CREATE INDEX` cannot be repeated.
    func creating(_ table: SQLTable) -> [String] {
        var parts = table.columns.map(definition)
        parts.append("PRIMARY KEY (\(list(table.primaryKey)))")
        parts += table.uniqueKeys.map { "UNIQUE KEY \(indexName(table.name, $0)) (\(list($0)))" }
        parts += table.indexes.map { "KEY \(indexName(table.name, $0)) (\(list($0)))" }
        return [
            """
            CREATE TABLE IF NOT EXISTS \(table.name) (\(parts.joined(separator: ", "))) \
            ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE \(collation)
            """
        ]
    }

    var serverTime: String? { "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))" }
    var returnsRows: Bool { isMariaDB }
    var rowLock: String { " FOR UPDATE" }

    func adding(_ column: SQLTable.Column, to table: String) -> String {
        "ALTER TABLE \(table) ADD COLUMN \(definition(column))"
    }

    private var collation: String { isMariaDB ? "utf8mb4_nopad_bin" : "utf8mb4_0900_bin" }

    private func definition(_ column: SQLTable.Column) -> String {
        let null = column.isOptional ? "" : " NOT NULL"
        let name = column.name
        switch column.kind {
        case .integer:
            return "\(name) BIGINT\(null)"
        case .text(let bytes):
            let type = bytes <= 1024 ? "VARCHAR(\(bytes))" : "\(prefix(bytes))TEXT"
            return "\(name) \(type)\(null) CHECK (OCTET_LENGTH(\(name)) <= \(bytes))"
        case .bytes(let bytes):
            if bytes <= 1024 { return "\(name) VARBINARY(\(bytes))\(null)" }
            return "\(name) \(prefix(bytes))BLOB\(null) CHECK (OCTET_LENGTH(\(name)) <= \(bytes))"
        }
    }

    private func prefix(_ bytes: Int) -> String {
        switch bytes {
        case ..<65_536: ""
        case ..<16_777_216: "MEDIUM"
        default: "LONG"
        }
    }

    private func indexName(_ table: String, _ columns: [String]) -> String {
        "\(table)_\(columns.joined(separator: "_"))"
    }

    private func list(_ columns: [String]) -> String { columns.joined(separator: ", ") }
}
