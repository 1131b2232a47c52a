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

    /// How backends work under the key of a cluster.
    static func options(_ key: ClusterKey, _ clusterID: ClusterID) -> DatabaseOptions {
        DatabaseOptions(authenticator: ClusterRowAuthenticator(key: key, clusterID: clusterID))
    }

    /// Opens the store.
    ///
    /// - Parameter mode: What may be done to the database.
    /// - Throws: `StorageError`; `Failure` where there is more to say than it does.
    static func open(_ workplace: Workplace, mode: DatabaseOpenMode = .existing) async throws -> any StorageBackend {
        var options = options(workplace.key, workplace.clusterID)
        if mode == .migrate { options.node = workplace.nodeID }
        let fixed = options
        do {
            return try await reaching { try await workplace.url.open(mode, options: fixed, notice: warn) }
        } catch var error as StorageError where error.code == .schemaTooOld {
            error.advice = "run: asnode --data \(workplace.directory.path) storage migrate"
            throw error
        }
    }

    /// Runs what begins with connecting: a server that does not answer in time there cannot be reached.
    static func reaching<T>(_ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch var error as StorageError where error.code == .timeout {
            error.code = .unavailable
            throw error
        }
    }

    /// Opens the store of a node that is being made: the tables are made in a database that is empty as yet.
    ///
    /// - Throws: `StorageError`; `OperationError` with `alreadyExists` when the database of a new node holds a cluster.
    static func create(_ workplace: Workplace, isNew: Bool) async throws -> any StorageBackend {
        let options = options(workplace.key, workplace.clusterID)
        let looks = isNew && workplace.settings.databaseURL != nil
        if looks, try await reaching({ try await workplace.url.holdsCluster(options: options) }) {
            throw OperationError(
                .alreadyExists,
                "\(workplace.url) holds a cluster already, and was not changed; make this machine one of its nodes with "
                    + "'asnode cluster join', bring a lost node back with 'asnode restore', or name an empty database")
        }
        return try await reaching { try await workplace.url.open(.create, options: options, notice: warn) }
    }

    /// Prints what the operator should know.
    static func warn(_ line: String) { StandardError.write("asnode: warning: \(OneLine.of(line))\n") }
}
