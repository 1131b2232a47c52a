internal import ClusterCore
internal import StorageSQL

/// What happens to a file before its backend exists: it is found or made, checked, and brought to the schema.
struct SQLitePreparation {
    /// Larger files are not read through at each start; `doctor` does that.
    private static let checkedBytes: Int64 = 64 << 20

    let path: String
    let mode: SQLiteBackend.OpenMode
    let options: SQLiteOptions

    /// Blocks; run it off the cooperative pool.
    func run() throws -> [StorageNotice] {
        let file = SQLiteFile(path: path)
        if mode == .create { try file.create() }
        var notices = try file.secure()
        let isEmpty = try file.checkHeader()
        if isEmpty, mode != .create { throw SQLiteFailure.missing(path) }
        let connection = try SQLiteConnection(options.connection(path, .write))
        guard !connection.isReadOnly else { throw SQLiteFailure.readOnly(path) }
        // Before anything else is written, so that a file which was begun can be told from someone else's.
        if isEmpty { try connection.claim() }
        try check(connection)
        try connection.useWriteAheadLog()
        notices += try migrate(connection)
        return notices
    }

    private func migrate(_ connection: SQLiteConnection) throws -> [StorageNotice] {
        var migrator = options.migrator
        migrator.node = options.node
        switch try migrator.need(of: connection) {
        case .none:
            return []
        case .creation:
            guard mode == .create else { throw SQLiteFailure.missing(path) }
            try migrator.migrate(connection)
            return []
        case .migration(let version):
            guard mode != .existing else {
                throw StorageError(
                    .schemaTooOld,
                    "\(path) has schema \(version) and this version of the program needs \(migrator.steps.count)",
                    advice: "start the node once, or run `asnode init`; both migrate it")
            }
            try migrator.checkNodes(on: connection, from: version)
            let notice = try keepCopy(of: connection, version: version)
            try migrator.migrate(connection)
            return [notice]
        }
    }

    /// Copies the file before it is migrated; a copy that an attempt before this one made is kept.
    private func keepCopy(of connection: SQLiteConnection, version: Int) throws -> StorageNotice {
        let copy = "\(path).schema-\(version)"
        do {
            try connection.copy(to: copy)
        } catch let error as StorageError where error.code == .constraint("file") {
            return StorageNotice("\(path) is migrated; \(copy) is from before")
        }
        return StorageNotice("\(path) was migrated; \(copy) is a copy from before")
    }

    private func check(_ connection: SQLiteConnection) throws {
        let file = SQLiteFile(path: path)
        guard file.byteCount() <= Self.checkedBytes else { return }
        let findings = try connection.rows("PRAGMA quick_check(1)", [])
        guard findings == [[.text("ok")]] else { throw SQLiteFailure.corrupt(path) }
    }
}
