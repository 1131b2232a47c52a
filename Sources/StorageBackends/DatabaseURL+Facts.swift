public import ClusterCore
internal import StorageMySQL
internal import StoragePostgres
package import StorageSQL
internal import StorageSQLite

extension DatabaseURL {
    /// Looks at the database. Changes nothing in it.
    ///
    /// - Parameters:
    ///   - options: How one connects; everything is asked on one connection.
    ///   - content: Whether one looks at what is in it too; without, the schema is `nil` and no privilege missing.
    /// - Throws: ``ClusterCore/StorageError`` as ``open(_:options:notice:)`` does, `foreign` and `schemaTooNew` among
    ///   them; a schema that is too old is a fact, no error.
    public func facts(options: DatabaseOptions, content: Bool = true) async throws -> DatabaseFacts {
        try await onBlockingThread("sql-look") {
            let connection = try connect(options: options)
            defer { connection.close() }
            let schema = try content ? schema(of: connection) : nil
            return try facts(connection, options.environment, schema: schema)
        }
    }

    /// Whether a cluster is in the database already, in whatever schema. Changes nothing.
    ///
    /// - Throws: As ``facts(options:)``.
    public func holdsCluster(options: DatabaseOptions) async throws -> Bool {
        try await onBlockingThread("sql-look") {
            let connection: any SQLConnection
            do {
                connection = try connect(options: options)
            } catch let error as StorageError where error.code == .notFound && family == .sqlite {
                return false
            }
            defer { connection.close() }
            guard try Migrator().need(of: connection) != .creation,
                try connection.rows("SELECT number FROM schema_steps WHERE number = 1").count == 1
            else { return false }
            return try !connection.rows("SELECT id FROM cluster").isEmpty
        }
    }

    /// One connection; blocks.
    package func connect(options: DatabaseOptions) throws -> any SQLConnection {
        switch place {
        case .file(let path): try SQLiteBackend.connect(path, options: options.sqlite)
        case .mysql(let address): try MySQLBackend.connect(address, options: options.mysql)
        case .postgres(let address): try PostgresBackend.connect(address, options: options.postgres)
        }
    }

    private func facts(
        _ connection: any SQLConnection, _ environment: StorageEnvironment, schema: Int?
    ) throws -> DatabaseFacts {
        let identity = try questions.identity(connection)
        let roundTrip = try roundTrip(connection, environment)
        let sent = environment.now()
        let time = try connection.serverTime()
        let middle = (sent.microseconds + environment.now().microseconds) / 2
        let (offset, overflow) = time.microseconds.subtractingReportingOverflow(middle)
        let rights = try schema == Schema.steps.count ? Rights(of: connection) : Rights()
        return DatabaseFacts(
            address: description, product: identity.product, version: identity.version,
            leastVersion: identity.least.map(String.init).joined(separator: "."), isSupported: identity.isSupported,
            servers: identity.servers, protection: try protection(connection), isolation: try isolation(connection),
            roundTrip: roundTrip, clockOffset: .microseconds(overflow ? .max : offset),
            takesWrites: rights.takesWrites, schema: schema, wantedSchema: Schema.steps.count,
            missingPrivileges: rights.missing)
    }

    private func schema(of connection: any SQLConnection) throws -> Int? {
        switch try Migrator().need(of: connection) {
        case .creation: nil
        case .migration(let version): version
        case .none: Schema.steps.count
        }
    }

    private func roundTrip(_ connection: any SQLConnection, _ environment: StorageEnvironment) throws -> Duration {
        var best = Duration.seconds(3600)
        for _ in 0..<5 {
            let start = environment.uptime()
            _ = try connection.rows("SELECT 1")
            best = min(best, environment.uptime() - start)
        }
        return best
    }

    private func isolation(_ connection: any SQLConnection) throws -> String {
        do {
            try connection.begin(.write)
        } catch let error as StorageError where error.code == .readOnly {
            return "unknown"
        }
        defer { connection.rollback() }
        return try questions.isolation(connection)
    }

    private func protection(_ connection: any SQLConnection) throws -> DatabaseFacts.Protection {
        if let version = try questions.tlsVersion(connection) {
            return .encrypted(version: version, verified: verification)
        }
        return isLocal ? .local : .none
    }

    private var questions: any ServerQuestions {
        switch place {
        case .file: SQLiteQuestions()
        case .mysql: MySQLQuestions()
        case .postgres: PostgresQuestions()
        }
    }

    /// Whether there is no network between.
    private var isLocal: Bool {
        switch place {
        case .file: true
        case .mysql(let address): address.socket != nil || address.isLocal
        case .postgres(let address): address.isLocal
        }
    }

    private var verification: DatabaseFacts.Verification {
        switch place {
        case .file: .nothing
        case .mysql(let address):
            switch address.tls {
            case .verifyIdentity: .host
            case .verifyCA: .authority
            case .disabled, .preferred, .required: .nothing
            }
        case .postgres(let address):
            switch address.parameters["sslmode"] {
            case "verify-full": .host
            case "verify-ca": .authority
            default: .nothing
            }
        }
    }
}
