import ClusterCore
import Foundation
import SQLDriverTestKit
import StorageSQL
import StorageTestKit

@testable import StorageSQLite

/// SQLite files for the cases, each in a directory of its own.
enum SQLiteUnderTest {
    /// The backend, and its stores over connections that can be made to fail.
    ///
    /// - Parameter mutant: Makes every connection wrong, if given.
    static func backend(_ mutant: DriverMutant? = nil) -> BackendUnderTest {
        BackendUnderTest(capabilities: [.durable, .settableClock, .serializable, .faults]) { clock in
            let directory = try TemporaryDirectory()
            let path = directory.file("store.db")
            let options = options(clock)
            await (try SQLiteBackend.open(path, mode: .create, options: options)).close()
            return StoreUnderTest(
                openFaulty: {
                    let faults = ConnectionFaults()
                    let backend = sql(path, options) { connection in
                        faults.lossy(mutant.map { $0.wrap(connection) } ?? connection)
                    }
                    return FaultyHandle(backend: backend, arm: { faults.arm($0) })
                }, remove: directory.remove,
                open: {
                    guard let mutant else {
                        return try await SQLiteBackend.open(path, mode: .existing, options: options)
                    }
                    return sql(path, options) { mutant.wrap($0) }
                })
        }
    }

    private static func sql(
        _ path: String, _ options: SQLiteOptions,
        _ wrap: @escaping @Sendable (any SQLConnection) -> any SQLConnection
    ) -> any StorageBackend {
        let shared = SQLBackend.Options(
            authenticator: options.authenticator, environment: options.environment, retry: options.retry)
        return SQLBackend(options: shared) { request in
            wrap(try SQLiteConnection(options.connection(path, request.mode, request.limits)))
        }
    }

    private static func options(_ clock: ConformanceClock) -> SQLiteOptions {
        var environment = StorageEnvironment.system
        environment.now = { clock.now() }
        return SQLiteOptions(
            authenticator: TestKey.authenticator, environment: environment,
            retry: RetryPolicy(tries: 50, time: .seconds(30)))
    }

    /// The driver, on a file of its own.
    static func driver(in directory: TemporaryDirectory) throws -> DriverUnderTest {
        DriverUnderTest(
            open: try connecting(directory.file("driver.db")),
            makeDatabase: {
                let own = try TemporaryDirectory()
                return EmptyDatabase(open: try connecting(own.file("own.db")), remove: own.remove)
            })
    }

    private static func connecting(_ path: String) throws -> @Sendable () throws -> any SQLConnection {
        let options = SQLiteOptions(authenticator: TestKey.authenticator, busyTimeout: .seconds(3))
            .connection(path, .write)
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        try SQLiteConnection(options).useWriteAheadLog()
        return { try SQLiteConnection(options) }
    }
}

/// A directory that goes when it is told.
struct TemporaryDirectory: Sendable {
    let path = NSTemporaryDirectory() + "asnode-conformance-\(UUID().uuidString)"

    init() throws {
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    @Sendable func remove() { try? FileManager.default.removeItem(atPath: path) }
}

/// The key that authenticates the rows of the tests' clusters.
enum TestKey {
    static let authenticator: any RowAuthenticator = {
        let cluster = ClusterID("00112233445566778899aabbccddeeff")
        guard let cluster, let key = try? ClusterKey(bytes: [UInt8](repeating: 7, count: 32)) else { return NoKey() }
        return ClusterRowAuthenticator(key: key, clusterID: cluster)
    }()

    private struct NoKey: RowAuthenticator {
        func code(for row: AuthenticatedRow) -> [UInt8] { [] }
        func isValid(_ code: [UInt8], for row: AuthenticatedRow) -> Bool { false }
    }
}
