internal import ClusterCore
internal import StorageSQL

/// What the database user may do to the tables, found out by statements that match no row.
struct Rights {
    private(set) var takesWrites = true
    private(set) var missing: [String] = []

    /// Of an empty database: nothing is known to be missing.
    init() {}

    /// - Throws: What the database says other than that it is not permitted or read-only.
    init(of connection: any SQLConnection) throws {
        for table in Schema.tables {
            for (verb, statement) in Self.statements(table) {
                do {
                    try Self.attempt(statement, verb == "SELECT" ? .read : .write, on: connection)
                } catch let error as StorageError where error.code == .permission {
                    missing.append("\(verb) on \(table.name)")
                } catch let error as StorageError where error.code == .readOnly {
                    takesWrites = false
                    return
                }
            }
        }
    }

    private static func attempt(_ statement: String, _ mode: TransactionMode, on connection: any SQLConnection) throws {
        try connection.begin(mode)
        defer { connection.rollback() }
        if mode == .read { _ = try connection.rows(statement) } else { try connection.execute(statement) }
    }

    private static func statements(_ table: SQLTable) -> [(String, String)] {
        let key = table.primaryKey.first ?? "id"
        return [
            ("SELECT", "SELECT \(key) FROM \(table.name) WHERE 1 = 0"),
            ("INSERT", "INSERT INTO \(table.name) SELECT * FROM \(table.name) WHERE 1 = 0"),
            ("UPDATE", "UPDATE \(table.name) SET \(key) = \(key) WHERE 1 = 0"),
            ("DELETE", "DELETE FROM \(table.name) WHERE 1 = 0"),
        ]
    }
}
