internal import ClusterCore
internal import ClusterOperations
internal import StorageSQLite

/// Opens the store that a node's settings name.
enum StoreOpening {
    /// Opens it.
    ///
    /// - Parameters:
    ///   - settings: The node's settings.
    ///   - key: The cluster's key, under which rows are authenticated.
    ///   - directory: Where the database is when the settings name none.
    ///   - creating: Whether a database is made when there is none.
    /// - Throws: `StorageError`, or `Failure` when the database is of a kind that is not supported.
    static func open(
        _ settings: NodeSettings, key: ClusterKey, directory: DataDirectory, creating: Bool = false
    ) async throws -> any StorageBackend {
        guard let clusterID = ClusterID(settings.clusterID) else {
            throw OperationError(.configuration, "\(directory.file(DataDirectory.settingsName)) has a damaged id")
        }
        let options = SQLiteOptions(authenticator: ClusterRowAuthenticator(key: key, clusterID: clusterID))
        let backend = try await SQLiteBackend.open(
            try path(settings, directory), mode: creating ? .create : .migrate, options: options)
        for notice in backend.notices { StandardError.write("asnode: warning: \(OneLine.of("\(notice)"))\n") }
        return backend
    }

    private static func path(_ settings: NodeSettings, _ directory: DataDirectory) throws -> String {
        guard let url = settings.databaseURL else { return directory.file(DataDirectory.databaseName) }
        do {
            if let path = try SQLiteURL.path(of: url) { return path }
        } catch let error as StorageError {
            throw Failure(.configuration, "database in \(directory.file(DataDirectory.settingsName)): \(error)")
        }
        throw Failure(
            .unavailable,
            "this kind of database is not supported yet; \(DataDirectory.settingsName) takes sqlite:///FILE")
    }
}
