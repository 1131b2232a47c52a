public import ClusterCore
internal import StorageMySQL
internal import StoragePostgres
public import StorageSQL
internal import StorageSQLite

extension DatabaseURL {
    /// Opens the store in the database.
    ///
    /// - Parameters:
    ///   - mode: What may be done to the database.
    ///   - options: How the backend works.
    ///   - notice: Gets what the operator should know of the database, as one line each.
    /// - Throws: ``ClusterCore/StorageError``: `unavailable` or `timeout` when it cannot be reached or trusted;
    ///   `permission`; `notFound` when there is no such database or nothing is in it; `foreign` when it belongs to
    ///   something else; `corrupt`; `schemaTooNew`, `schemaTooOld`; `readOnly`; `busy` while another process migrates
    ///   it.
    public func open(
        _ mode: DatabaseOpenMode, options: DatabaseOptions, notice: (String) -> Void = { _ in }
    ) async throws -> any StorageBackend {
        switch place {
        case .file(let path):
            let backend = try await SQLiteBackend.open(path, mode: .init(mode), options: options.sqlite)
            for line in backend.notices { notice("\(line)") }
            return backend
        case .mysql(let address):
            return try await MySQLBackend.open(address, mode: mode, options: options.mysql)
        case .postgres(let address):
            return try await PostgresBackend.open(address, mode: mode, options: options.postgres)
        }
    }
}

extension SQLiteBackend.OpenMode {
    fileprivate init(_ mode: DatabaseOpenMode) {
        switch mode {
        case .create: self = .create
        case .migrate: self = .migrate
        case .existing: self = .existing
        }
    }
}
