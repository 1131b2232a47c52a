import ClusterCore
import ClusterOperations
import Foundation
import StorageBackends
import StorageSQL
import Testing
import VPNFormats

/// A directory for everything that a test makes, gone afterwards.
final class Place: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "asnode-move-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }
    func url(_ name: String) -> DatabaseURL { DatabaseURL(file: file(name)) }
}

/// A standalone node on SQLite with a user and a profile.
struct Site: Sendable {
    static let actor = AuditActor(kind: .operator, name: "tester")
    static let password = "correct horse battery"

    let place: Place
    let directory: DataDirectory
    let settings: NodeSettings
    let key: ClusterKey
    let clusterID: ClusterID
    let nodeID: NodeID
    let certificate: CertificateRecord

    var url: DatabaseURL { DatabaseURL(file: directory.file(DataDirectory.databaseName)) }

    static func made(_ place: Place) async throws -> Site {
        let directory = DataDirectory(path: place.file("node"))
        let setup = StandaloneSetup(directory: directory, probe: FakeHost(), actor: actor)
        let options = StandaloneSetup.Options(hostname: "vpn.example.com", nodeName: "n1")
        let settings = try await setup.run(options, environment: [:]) { settings, key, _ in
            try await open(settings, key, directory, .create)
        }.settings
        let key = try #require(try ClusterKey.load(from: directory))
        let clusterID = try #require(ClusterID(settings.clusterID))
        let backend = try await open(settings, key, directory, .existing)
        let session = OperatorSession(backend: backend, clusterID: clusterID, key: key, actor: actor)
        try await SettingOperations(session).set(["password.scrypt-cost": "14"])
        _ = try await UserOperations(session).add("user1", password: password)
        let profiles = ProfileOperations(session)
        let issued = try await profiles.issue(to: "user1", kind: .userLocked, listeners: settings.listen)
        let certificate = try #require(try await backend.read { try $0.certificates.certificate(issued.serial) })
        await backend.close()
        return Site(
            place: place, directory: directory, settings: settings, key: key, clusterID: clusterID,
            nodeID: try #require(NodeID(settings.nodeID)), certificate: certificate)
    }

    /// Opens the store that settings name.
    static func open(
        _ settings: NodeSettings, _ key: ClusterKey, _ directory: DataDirectory, _ mode: DatabaseOpenMode
    ) async throws -> any StorageBackend {
        let url =
            try settings.databaseURL.map { try DatabaseURL($0) }
            ?? DatabaseURL(file: directory.file(DataDirectory.databaseName))
        let cluster = try #require(ClusterID(settings.clusterID))
        return try await url.open(
            mode, options: DatabaseOptions(authenticator: ClusterRowAuthenticator(key: key, clusterID: cluster)))
    }

    func open(_ url: DatabaseURL, _ mode: DatabaseOpenMode = .existing) async throws -> any StorageBackend {
        try await url.open(
            mode, options: DatabaseOptions(authenticator: ClusterRowAuthenticator(key: key, clusterID: clusterID)))
    }

    /// Reads a store with a backend of its own.
    func read<T: Sendable>(
        _ url: DatabaseURL, _ body: @escaping @Sendable (any StorageReader) throws -> T
    ) async throws -> T {
        let backend = try await open(url)
        do {
            let value = try await backend.read(body)
            await backend.close()
            return value
        } catch {
            await backend.close()
            throw error
        }
    }

    /// Runs an operator's work on a store.
    func operate<T>(_ url: DatabaseURL, _ body: (OperatorSession) async throws -> T) async throws -> T {
        let backend = try await open(url)
        do {
            let value = try await body(
                OperatorSession(backend: backend, clusterID: clusterID, key: key, actor: Self.actor))
            await backend.close()
            return value
        } catch {
            await backend.close()
            throw error
        }
    }

    func place(_ url: DatabaseURL) -> StoreCopy.Place {
        StoreCopy.Place(name: url.description) { creating in try await open(url, creating ? .create : .existing) }
    }

    /// A copy that breaks off after the n-th of its steps.
    func copy(to target: DatabaseURL, breakingOffAt number: Int = .max) -> StoreCopy {
        var copy = StoreCopy(from: place(url), to: place(target), node: nodeID, actor: Self.actor)
        let countdown = Countdown(number)
        copy.afterStep = { step in try countdown.step("\(step)") }
        return copy
    }

    /// Checks that a store is whole: the password is right, the profile is good, the node is known, the log is there.
    func checkWhole(_ url: DatabaseURL, node: NodeID, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let (key, clusterID, certificate) = (key, clusterID, certificate)
        try await read(url) { reader in
            #expect(try reader.state().phase == .ready, sourceLocation: sourceLocation)
            let snapshot = try Snapshot.load(from: reader, key: key)
            #expect(snapshot.problems.isEmpty && snapshot.cluster.id == clusterID, sourceLocation: sourceLocation)
            let user = try #require(snapshot.user(named: "user1"), sourceLocation: sourceLocation)
            let sealed = try #require(user.passwordVerifier, sourceLocation: sourceLocation)
            let verifier = try Sealer(key: key, clusterID: clusterID).openVerifier(sealed, of: user.id)
            #expect(verifier.matches(Self.password), sourceLocation: sourceLocation)
            let leaf = try LeafIdentity(der: certificate.der)
            let decision = CertificateDecision.decide(leaf, snapshot: snapshot, now: certificate.issuedAt)
            guard case .accepted = decision else {
                Issue.record("the profile is not accepted: \(decision)", sourceLocation: sourceLocation)
                return
            }
            #expect(try reader.nodes.nodes().map(\.id) == [node], sourceLocation: sourceLocation)
            let second = AuditPosition(revision: 2, index: 0)
            let oldest = try reader.config.auditEntries(before: second, limit: 1000).rows.last
            #expect(oldest?.action == .createCluster, sourceLocation: sourceLocation)
            let newest = try reader.config.auditEntries(before: nil, limit: 1).rows.first
            #expect(
                newest.map { [.copyStore, .restoreStore].contains($0.action) } == true, sourceLocation: sourceLocation)
        }
    }
}

/// Breaks something off at a step.
final class Countdown: @unchecked Sendable {
    struct BrokenOff: Error, Equatable {
        let step: String
    }

    private let lock = NSLock()
    private var left: Int

    init(_ number: Int) { left = number }

    func step(_ name: String) throws {
        try lock.withLock {
            left -= 1
            if left == 0 { throw BrokenOff(step: name) }
        }
    }
}
