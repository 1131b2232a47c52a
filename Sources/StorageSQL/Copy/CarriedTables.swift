public import ClusterCore

extension SQLBackend: PortableStorage {
    /// The tables that are carried to another store or into a backup; see ``ClusterCore/PortableStorage``.
    public var content: [ContentTable] { Self.carriedTables }

    /// The same for every SQL backend.
    public static let carriedTables: [ContentTable] = {
        let names = [
            "cluster", "settings", "secrets", "users", "certificates", "token_refusals", "login_failures", "audit_log",
            "connection_log",
        ]
        return names.compactMap { name in Schema.tables.first { $0.name == name } }.map(ContentTable.init)
    }()

    /// The tables that belong to one store and stay behind.
    package static let tablesLeftBehind: Set<String> = [
        "revision", "nodes", "node_subnets", "counters", "commit_markers", "sessions", "address_memory", "store_state",
    ]
}

extension ContentTable {
    /// The table as it is carried.
    init(_ table: SQLTable) {
        let columns = table.columns.map { column in
            let kind: Column.Kind =
                switch column.kind {
                case .integer: .integer
                case .text(let limit): .text(limit)
                case .bytes(let limit): .bytes(limit)
                }
            return Column(column.name, kind, optional: column.isOptional)
        }
        self.init(table.name, columns, key: table.primaryKey)
    }
}
