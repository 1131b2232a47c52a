internal import ClusterCore
internal import ClusterOperations
internal import StorageBackends
internal import StorageSQL

/// Opens the store that a node's settings name.
enum StoreOpening {
    /// The database of a node: what its settings name, else a file in its directory.
    ///
    /// - Throws: `Failure` with `configuration` when the settings name none that there is.
    static func url(_ settings: NodeSettings, in directory: DataDirectory) throws -> DatabaseURL {
        guard let text = settings.databaseURL else {
            return DatabaseURL(file: directory.file(DataDirectory.databaseName))
        }
        do {
            return try DatabaseURL(text)
        } catch let error as StorageError {
            throw Failure(.configuration, "database in \(directory.file(DataDirectory.settingsName)): \(error)")
        }
    }

    /// The database that a command line names.
    ///
    /// - Throws: `Failure` with `usage`, without the text, which may hold a password.
    static func url(of text: String, option: String) throws -> DatabaseURL {
        do {
            return try DatabaseURL(text)
        } catch let error as StorageError {
            throw Failure(.usage, "\(option): \(error)")
        }
    }

    /// Opens the store.
    ///
    /// - Parameters:
    ///   - settings: The node's settings.
    ///   - key: The cluster's key, under which rows are authenticated.
    ///   - directory: Where the database is when the settings name none.
    ///   - mode: What may be done to the database.
    /// - Throws: `StorageError`; `Failure` where there is more to say than it does.
    static func open(
        _ settings: NodeSettings, key: ClusterKey, directory: DataDirectory, mode: DatabaseOpenMode = .existing
    ) async throws -> any StorageBackend {
        let url = try url(settings, in: directory)
        guard let clusterID = ClusterID(settings.clusterID) else {
            throw OperationError(.configuration, "\(directory.file(DataDirectory.settingsName)) has a damaged id")
        }
        let options = DatabaseOptions(authenticator: ClusterRowAuthenticator(key: key, clusterID: clusterID))
        do {
            return try await url.open(mode, options: options, notice: warn)
        } catch var error as StorageError where error.code == .schemaTooOld {
            error.advice = "run: asnode --data \(directory.path) storage migrate"
            throw error
        }
    }

    /// Prints what the operator should know.
    static func warn(_ line: String) { StandardError.write("asnode: warning: \(OneLine.of(line))\n") }
}
