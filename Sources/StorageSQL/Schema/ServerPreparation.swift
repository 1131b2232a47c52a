internal import ClusterCore

/// What may be done to a database when it is opened.
public enum DatabaseOpenMode: Hashable, Sendable {
    /// An empty one gets the tables, an older one is migrated.
    case create
    /// It must be one of ours already, and is migrated when it is older.
    case migrate
    /// It must have the schema of this version.
    case existing
}

/// What happens to a database on a server before its backend exists: it is looked at, and brought to the schema.
package struct ServerPreparation {
    /// What may be done.
    package var mode: DatabaseOpenMode
    /// The schema.
    package var migrator: Migrator
    /// Time and randomness.
    package var environment: StorageEnvironment
    /// Waits a moment, on the thread that calls.
    package var pause: @Sendable () -> Void

    /// Makes the value of its parts, which are explained at the properties.
    package init(
        mode: DatabaseOpenMode, migrator: Migrator, environment: StorageEnvironment,
        pause: @escaping @Sendable () -> Void
    ) {
        self.mode = mode
        self.migrator = migrator
        self.environment = environment
        self.pause = pause
    }

    /// Looks at the database and migrates it where it may. Blocks.
    ///
    /// - Throws: ``ClusterCore/StorageError``: `foreign`, `schemaTooNew`, `schemaTooOld`, `notFound` when nothing is in
    ///   it and nothing may be made, `busy` when another process migrates; what the database refuses.
    package func run(on connection: any SQLConnection) throws {
        let name = connection.dialect.name
        switch try migrator.need(of: connection) {
        case .none:
            return
        case .creation:
            guard mode == .create else {
                throw StorageError(
                    .notFound, "the \(name) database is empty", advice: "make a cluster in it, or name the right one")
            }
        case .migration(let version):
            guard mode != .existing else {
                throw StorageError(
                    .schemaTooOld,
                    "the \(name) database has schema \(version) and this version of the program needs "
                        + "\(migrator.steps.count)",
                    advice: "migrate it first")
            }
        }
        try migrate(connection)
    }

    private func migrate(_ connection: any SQLConnection) throws {
        let lease = MigrationLease(connection: connection, environment: environment)
        try lease.acquire(pause: pause)
        defer { lease.release() }
        try migrator.migrate(connection, renewing: lease.renew)
    }
}

extension DatabaseIdentity {
    /// What a database on a server is, by the names of its tables.
    ///
    /// - Parameter tables: All tables and views in the schema that is used.
    package init(tables: Set<String>) {
        // A migration that broke off before its first table left none but the marker.
        if tables.isSubset(of: [MigrationLease.table.name]) {
            self = .empty
        } else if tables.contains(MigrationLease.table.name) {
            self = tables.contains(Schema.journal.name) ? .ours : .foreign("its table schema_steps is missing")
        } else {
            self = .foreign("it has tables of something else")
        }
    }
}
