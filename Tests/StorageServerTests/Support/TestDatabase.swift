import ClusterCore
import DatabaseServers
import Foundation
import SQLDriverTestKit
import StorageMySQL
import StoragePostgres
import StorageSQL
import StorageSQLite
import Synchronization
import Testing

/// A sort of database that is tested.
enum Engine: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case mariadb, postgres

    var testDescription: String { self == .mariadb ? "MariaDB" : "PostgreSQL" }
}

/// The servers, each started when a test first needs it.
enum Servers {
    static let password = TestAccount.password
    static let encodedPassword = TestAccount.encodedPassword

    /// A MariaDB server that has no TLS.
    static let plainMariaDB = Result { try MariaDBServer(certificate: nil) }
    private static let mariadb = Result { try MariaDBServer() }
    private static let postgres = Result { try PostgresServer() }

    static func server(_ engine: Engine) throws -> any DatabaseServer {
        switch engine {
        case .mariadb: try mariadb.get()
        case .postgres: try postgres.get()
        }
    }

    static func url(
        _ engine: Engine, database: String, port: UInt16? = nil, password: String = encodedPassword
    ) throws -> String {
        try server(engine).url(database: database, port: port, password: password)
    }

    static func port(_ engine: Engine) throws -> UInt16 { try server(engine).port }

    /// Where the server's certificates are; see `ServerDirectory.makeCertificates`.
    static func directory(_ engine: Engine) throws -> String { try server(engine).directory.path }

    static func connect(_ engine: Engine, _ url: String) throws -> any SQLConnection {
        switch engine {
        case .mariadb:
            let address = try #require(try MySQLAddress(url: url))
            var options = MySQLOptions(authenticator: TestKey.authenticator)
            options.lockTimeout = .seconds(3)
            return try MySQLBackend.connect(address, options: options)
        case .postgres:
            let address = try #require(try PostgresAddress(url: url))
            var options = PostgresOptions(authenticator: TestKey.authenticator)
            options.lockTimeout = .seconds(3)
            return try PostgresBackend.connect(address, options: options)
        }
    }

    /// An administrator's connection.
    static func administrator(_ engine: Engine) throws -> any SQLConnection {
        try connect(engine, try server(engine).administratorURL)
    }
}

/// The key that authenticates the rows of the tests' clusters.
enum TestKey {
    static let clusterID = ClusterID("00112233445566778899aabbccddeeff") ?? sample(1)

    static var authenticator: any RowAuthenticator {
        guard let key = try? ClusterKey(bytes: [UInt8](repeating: 7, count: 32)) else { return NoKey() }
        return ClusterRowAuthenticator(key: key, clusterID: clusterID)
    }

    private struct NoKey: RowAuthenticator {
        func code(for row: AuthenticatedRow) -> [UInt8] { [] }
        func isValid(_ code: [UInt8], for row: AuthenticatedRow) -> Bool { false }
    }
}

/// A database of its own on a server.
struct TestDatabase: Sendable {
    let engine: Engine
    let name: String
    private static let count = Atomic(0)

    /// Makes an empty one; blocks.
    init(_ engine: Engine) throws {
        self.engine = engine
        name = "kit\(Self.count.add(1, ordering: .relaxed).newValue)"
        try Servers.server(engine).createDatabase(name)
    }

    static func make(_ engine: Engine) async throws -> TestDatabase {
        try await onBlockingThread("database") { try TestDatabase(engine) }
    }

    func url(port: UInt16? = nil) throws -> String { try Servers.url(engine, database: name, port: port) }

    func connect() throws -> any SQLConnection { try Servers.connect(engine, try url()) }

    /// Opens a store in it.
    func open(
        _ mode: DatabaseOpenMode = .create, port: UInt16? = nil, migrator: Migrator = Migrator(),
        retry: RetryPolicy = RetryPolicy(tries: 30, time: .seconds(30), retriesReadOnly: true)
    ) async throws -> SQLBackend {
        switch engine {
        case .mariadb:
            var options = MySQLOptions(authenticator: TestKey.authenticator, retry: retry)
            options.migrator = migrator
            return try await MySQLBackend.open(
                try #require(try MySQLAddress(url: url(port: port))), mode: mode, options: options)
        case .postgres:
            var options = PostgresOptions(authenticator: TestKey.authenticator, retry: retry)
            options.migrator = migrator
            return try await PostgresBackend.open(
                try #require(try PostgresAddress(url: url(port: port))), mode: mode, options: options)
        }
    }

    /// Opens a store and makes a cluster in it.
    func openWithCluster() async throws -> SQLBackend {
        let backend = try await open()
        let cluster = ClusterInfo(
            id: TestKey.clusterID, lineage: sample(2), createdAt: Timestamp(seconds: 1_800_000_000))
        try await backend.write { writer in try writer.change(by: .test) { try $0.createCluster(cluster) } }
        return backend
    }

    /// The database as the driver conformance cases want it.
    var underTest: DriverUnderTest {
        get throws {
            let statement = engine == .mariadb ? "SELECT CONNECTION_ID()" : "SELECT pg_backend_pid()"
            return DriverUnderTest(
                open: { try connect() },
                sever: { victim in
                    guard case .integer(let id)? = try victim.rows(statement).first?.first else { return }
                    let root = try Servers.administrator(engine)
                    defer { root.close() }
                    switch engine {
                    case .mariadb: try root.execute("KILL CONNECTION \(id)")
                    case .postgres: _ = try root.rows("SELECT pg_terminate_backend(\(id))")
                    }
                    Thread.sleep(forTimeInterval: 0.3)
                },
                openThrough: { try Servers.connect(engine, try url(port: $0.port)) }, port: try Servers.port(engine),
                makeDatabase: {
                    let own = try TestDatabase(engine)
                    return EmptyDatabase(open: { try own.connect() }, remove: {})
                })
        }
    }
}

extension AuditActor {
    static let test = AuditActor(kind: .operator, name: "test")
}

/// An identifier that is the same each time (splitmix64 of a number).
func sample<Subject>(_ number: UInt64) -> Identifier<Subject> {
    var generator = NumberedGenerator(state: number)
    return Identifier(using: &generator)
}

struct NumberedGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

func sampleUser(_ number: UInt64, name: String) -> User {
    User(
        id: sample(number), name: name, passwordVerifier: SealedValue([1, 2, 3, UInt8(truncatingIfNeeded: number)]),
        tokensValidFrom: Timestamp(seconds: 1_700_000_000), createdAt: Timestamp(microseconds: 1_700_000_000_000_123))
}

/// The `StorageError` that a piece of work fails with.
func failure<T>(_ body: () async throws -> T) async -> StorageError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? StorageError
    }
}
