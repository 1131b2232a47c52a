import ClusterCore
import Foundation
import StorageSQL
import StorageTestKit

@testable import StorageSQLite

/// SQLite files for the cases, each in a directory of its own.
enum SQLiteUnderTest {
    /// The backend as it is.
    static let backend = BackendUnderTest(capabilities: [.durable, .settableClock, .serializable]) { clock in
        let directory = try TemporaryDirectory()
        return StoreUnderTest(remove: directory.remove) {
            try await SQLiteBackend.open(directory.file("store.db"), mode: .create, options: options(clock))
        }
    }

    static func options(_ clock: ConformanceClock) -> SQLiteOptions {
        var environment = StorageEnvironment.system
        environment.now = { clock.now() }
        return SQLiteOptions(
            authenticator: TestKey.authenticator, environment: environment,
            retry: RetryPolicy(tries: 50, time: .seconds(30)))
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
