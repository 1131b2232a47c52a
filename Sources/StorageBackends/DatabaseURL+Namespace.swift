internal import ClusterCore
internal import StorageMySQL
internal import StoragePostgres
package import StorageSQL
internal import StorageSQLite

/// A place of its own in a database, or beside it, that is made for a while and touches nothing else there.
package struct DatabaseNamespace: Sendable {
    /// Its name: of a file, a database, a schema.
    package let name: String
    /// Opens a connection that sees this place alone; blocks.
    package let connect: @Sendable () throws -> any SQLConnection
    /// Removes it with all that is in it; blocks. What cannot be removed stays, by its name.
    package let remove: @Sendable () -> Void

    /// Makes the value of its parts, which are explained at the properties.
    package init(
        name: String, connect: @escaping @Sendable () throws -> any SQLConnection,
        remove: @escaping @Sendable () -> Void
    ) {
        self.name = name
        self.connect = connect
        self.remove = remove
    }
}

extension DatabaseURL {
    /// Makes an empty place: beside a SQLite file another one, on a server of the MySQL family another database whose
    /// name begins as this one's, in a PostgreSQL database a schema. Blocks.
    ///
    /// - Parameters:
    ///   - suffix: What the name ends in: lower-case letters and digits.
    ///   - options: How one connects.
    /// - Throws: ``ClusterCore/StorageError`` with `permission` when the user may not make one; what connecting throws.
    package func makeNamespace(_ suffix: String, options: DatabaseOptions) throws -> DatabaseNamespace {
        switch place {
        case .file(let path): try Self.fileNamespace("\(path).check-\(suffix)", options)
        case .mysql(let address): try Self.databaseNamespace(address, suffix, options)
        case .postgres(let address): try Self.schemaNamespace(address, "asnode_check_\(suffix)", options)
        }
    }

    private static func fileNamespace(_ path: String, _ options: DatabaseOptions) throws -> DatabaseNamespace {
        try SQLiteBackend.makeEmpty(path, options: options.sqlite)
        return DatabaseNamespace(
            name: path, connect: { try SQLiteBackend.connect(path, options: options.sqlite) },
            remove: { SQLiteBackend.remove(path) })
    }

    private static func databaseNamespace(
        _ address: MySQLAddress, _ suffix: String, _ options: DatabaseOptions
    ) throws -> DatabaseNamespace {
        let name = "\(address.database.prefix(40))_check_\(suffix)"
        let quoted = "`\(name.replacing("`", with: "``"))`"
        @Sendable func administer(_ statement: String) throws {
            let connection = try MySQLBackend.connect(address, options: options.mysql)
            defer { connection.close() }
            try connection.execute(statement)
        }
        try administer("CREATE DATABASE \(quoted)")
        var own = address
        own.database = name
        return DatabaseNamespace(
            name: name, connect: { [own] in try MySQLBackend.connect(own, options: options.mysql) },
            remove: { try? administer("DROP DATABASE \(quoted)") })
    }

    private static func schemaNamespace(
        _ address: PostgresAddress, _ name: String, _ options: DatabaseOptions
    ) throws -> DatabaseNamespace {
        guard address.preparesStatements else {
            throw StorageError(.permission, "behind a pooler in transaction mode a session has no schema of its own")
        }
        @Sendable func administer(_ statement: String) throws {
            let connection = try PostgresBackend.connect(address, options: options.postgres)
            defer { connection.close() }
            try connection.execute(statement)
        }
        try administer("CREATE SCHEMA \(name)")
        return DatabaseNamespace(
            name: name,
            connect: {
                let connection = try PostgresBackend.connect(address, options: options.postgres)
                try connection.execute("SET search_path TO \(name)")
                return connection
            }, remove: { try? administer("DROP SCHEMA \(name) CASCADE") })
    }

    /// Removes the tables of a server's database whose names begin so, as far as the user may; blocks.
    package func removeTables(prefix: String, options: DatabaseOptions) {
        guard family != .sqlite, !prefix.isEmpty, let connection = try? connect(options: options) else { return }
        defer { connection.close() }
        let schema = family == .mysql ? "DATABASE()" : "current_schema()"
        let tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = \(schema)"
        for case .text(let name)? in ((try? connection.rows(tables)) ?? []).map(\.first) where name.hasPrefix(prefix) {
            try? connection.execute("DROP TABLE IF EXISTS \(name)")
        }
    }
}
