import ClusterCore
import Foundation
import StorageSQL
import StorageSQLite
import Synchronization
import Testing

/// A generator that gives the same numbers for the same seed (splitmix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// A generator whose seed is printed, or given by the environment as `SEED`.
    static func announced(_ test: String = #function) -> SeededGenerator {
        let given = ProcessInfo.processInfo.environment["SEED"].flatMap { UInt64($0) }
        let seed = given ?? UInt64.random(in: 0 ... .max)
        print("\(test): SEED=\(seed)")
        return SeededGenerator(seed: seed)
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

/// A clock that stands still until it is moved, and randomness with a seed.
final class ManualEnvironment: Sendable {
    private let time = Mutex(Timestamp(seconds: 1_800_000_000))
    private let generator: Mutex<SeededGenerator>

    init(seed: UInt64 = 1) { generator = Mutex(SeededGenerator(seed: seed)) }

    var now: Timestamp {
        get { time.withLock { $0 } }
        set { time.withLock { $0 = newValue } }
    }

    /// Everything but the waiting, which really waits.
    var environment: StorageEnvironment {
        var environment = StorageEnvironment.system
        environment.now = { self.now }
        environment.random = { self.generator.withLock { $0.next() } }
        return environment
    }
}

/// A directory of its own for one test; all are removed when the process ends.
struct TemporaryDirectory: Sendable {
    let path: String

    private static let root: String = {
        let root = NSTemporaryDirectory() + "asnode-store-\(UUID().uuidString)"
        atexit { TemporaryDirectory.removeAll() }
        return root
    }()

    init() throws {
        path = "\(Self.root)/\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    private static func removeAll() { try? FileManager.default.removeItem(atPath: root) }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    var files: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? [] }
}

/// A database in a directory of its own.
struct TestStore: Sendable {
    let directory: TemporaryDirectory
    let environment = ManualEnvironment()
    let clusterID = ClusterID("00112233445566778899aabbccddeeff") ?? sample(1)
    let key: ClusterKey

    init() throws {
        directory = try TemporaryDirectory()
        key = try ClusterKey(bytes: [UInt8](repeating: 7, count: 32))
    }

    var path: String { directory.file("cluster.db") }

    func options(key other: ClusterKey? = nil, retry: RetryPolicy = RetryPolicy()) -> SQLiteOptions {
        SQLiteOptions(
            authenticator: ClusterRowAuthenticator(key: other ?? key, clusterID: clusterID),
            environment: environment.environment, busyTimeout: .milliseconds(500), retry: retry)
    }

    /// Opens the database; makes it when there is none.
    func open(_ mode: SQLiteBackend.OpenMode = .create) async throws -> SQLiteBackend {
        try await SQLiteBackend.open(path, mode: mode, options: options())
    }

    /// Opens a new database and makes a cluster in it.
    func openWithCluster() async throws -> SQLiteBackend {
        let backend = try await open()
        let cluster = ClusterInfo(id: clusterID, lineage: sample(2), createdAt: environment.now)
        try await backend.write { writer in
            try writer.change(by: .test) { try $0.createCluster(cluster) }
        }
        return backend
    }

    /// Runs statements on the file behind the backend's back.
    func tamper(_ statements: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", Self.script, path] + statements
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "could not run \(statements)")
    }

    private static let script = """
        import sqlite3, sys
        with sqlite3.connect(sys.argv[1]) as database:
            for statement in sys.argv[2:]: database.execute(statement)
        """
}

extension AuditActor {
    static let test = AuditActor(kind: .operator, name: "test")
}

/// An identifier that is the same each time.
func sample<Subject>(_ number: UInt64) -> Identifier<Subject> {
    var generator = SeededGenerator(seed: number)
    return Identifier(using: &generator)
}

func sampleUser(_ number: UInt64, name: String) -> User {
    User(
        id: sample(number), name: name, passwordVerifier: SealedValue([1, 2, 3, UInt8(truncatingIfNeeded: number)]),
        tokensValidFrom: Timestamp(seconds: 1_700_000_000), createdAt: Timestamp(microseconds: 1_700_000_000_000_123))
}

func sampleCertificate(_ number: UInt64, user: UserID?) throws -> CertificateRecord {
    var generator = SeededGenerator(seed: number)
    return CertificateRecord(
        serial: CertificateSerial(using: &generator), kind: user == nil ? .server : .client, commonName: "name",
        user: user, profile: user == nil ? nil : .userLocked, notBefore: Timestamp(seconds: 1_700_000_000),
        notAfter: Timestamp(seconds: 1_900_000_000), der: [0x30, 0x00], privateKey: nil,
        issuedAt: Timestamp(seconds: 1_700_000_000 + Int64(number)))
}

/// The `StorageError` code that a piece of work fails with.
func failureCode<T>(_ body: () async throws -> T) async -> StorageError.Code? {
    do {
        _ = try await body()
        return nil
    } catch {
        return (error as? StorageError)?.code
    }
}
