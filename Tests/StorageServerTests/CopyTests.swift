import ClusterCore
import ClusterOperations
import Foundation
import StorageBackends
import StorageSQL
import Synchronization
import Testing
import VPNFormats

@Suite("Copy, backup and restore on database servers", .serialized)
struct CopyTests {
    static let actor = AuditActor(kind: .operator, name: "tester")

    /// Breaks a copy off after each of its steps, once, and after each page.
    private final class Breaker: Sendable {
        struct BrokenOff: Error {}

        private let seen = Mutex<[String]>([])

        var steps: [String] { seen.withLock { $0 } }

        func step(_ name: String) throws {
            try seen.withLock { seen in
                guard name == "loadedPage" || !seen.contains(name) else { return }
                seen.append(name)
                throw BrokenOff()
            }
        }
    }

    /// A node whose store is a SQLite file, with users enough for two pages.
    private struct Source {
        let directory: DataDirectory
        let settings: NodeSettings
        let key: ClusterKey
        let clusterID: ClusterID
        let nodeID: NodeID

        static let users = 2_500
        /// The audit entries beside those of users in a store that was copied and restored: the cluster, a setting, four
        /// secrets, two certificates, the copy, the restore.
        static let otherEntries = 10

        init() async throws {
            let path = NSTemporaryDirectory() + "asnode-copy-\(UUID().uuidString)"
            let directory = DataDirectory(path: path)
            let setup = StandaloneSetup(directory: directory, probe: LinuxHostProbe(), actor: CopyTests.actor)
            let options = StandaloneSetup.Options(hostname: "vpn.example.com", nodeName: "n1")
            settings = try await setup.run(options, environment: [:]) { settings, key, _ in
                try await CopyTests.open(
                    DatabaseURL(file: directory.file("asnode.db")), key, settings.clusterID, .create)
            }.settings
            self.directory = directory
            key = try #require(try ClusterKey.load(from: directory))
            clusterID = try #require(ClusterID(settings.clusterID))
            nodeID = try #require(NodeID(settings.nodeID))
            let backend = try await open(url)
            try await backend.write { writer in
                try writer.change(by: CopyTests.actor) { change in
                    var random = SystemRandomNumberGenerator()
                    for number in 0..<Self.users {
                        try change.add(
                            User(
                                id: UserID(using: &random), name: "Übung \(number) 😀", isEnabled: number % 2 == 0,
                                passwordVerifier: SealedValue([UInt8](repeating: UInt8(number % 256), count: 100)),
                                tokensValidFrom: Timestamp(microseconds: Int64(number)),
                                createdAt: Timestamp(microseconds: .max - Int64(number))))
                    }
                }
            }
            await backend.close()
        }

        var url: DatabaseURL { DatabaseURL(file: directory.file("asnode.db")) }

        func open(_ url: DatabaseURL, _ mode: DatabaseOpenMode = .existing) async throws -> any StorageBackend {
            try await CopyTests.open(url, key, clusterID.description, mode)
        }

        func copy(from source: DatabaseURL, to target: DatabaseURL) -> StoreCopy {
            func place(_ url: DatabaseURL) -> StoreCopy.Place {
                StoreCopy.Place(name: url.description) { try await open(url, $0 ? .create : .existing) }
            }
            return StoreCopy(from: place(source), to: place(target), node: nodeID, actor: CopyTests.actor)
        }

        /// What a store holds, table by table.
        func sums(_ url: DatabaseURL) async throws -> [String: ContentSum] {
            let backend = try await open(url)
            let portable = try #require(backend as? any PortableStorage)
            let tables = portable.content
            let sums = try await portable.readContent { reader in
                #expect(try reader.state().phase == .ready || reader.state().phase == .moving)
                return try tables.map { ($0.name, try reader.sum(of: $0)) }
            }
            await backend.close()
            return Dictionary(uniqueKeysWithValues: sums)
        }

        func remove() { try? FileManager.default.removeItem(atPath: directory.path) }
    }

    private static func open(
        _ url: DatabaseURL, _ key: ClusterKey, _ cluster: String, _ mode: DatabaseOpenMode
    ) async throws -> any StorageBackend {
        let id = try #require(ClusterID(cluster))
        return try await url.open(
            mode, options: DatabaseOptions(authenticator: ClusterRowAuthenticator(key: key, clusterID: id)))
    }

    @Test(
        "a copy from a file that is broken off at every step arrives, and goes back again", arguments: Engine.allCases)
    func thereAndBack(_ engine: Engine) async throws {
        let source = try await Source()
        defer { source.remove() }
        let target = try DatabaseURL(try await TestDatabase.make(engine).url())
        let before = try await source.sums(source.url)
        let breaker = Breaker()
        var copy = source.copy(from: source.url, to: target)
        copy.afterStep = { try breaker.step("\($0)") }
        var tries = 0
        while tries < 50 {
            tries += 1
            do {
                _ = try await copy.run()
                break
            } catch is Breaker.BrokenOff {}
        }
        #expect(breaker.steps.count { $0 == "loadedPage" } >= 8, "\(breaker.steps)")
        let others = Set(breaker.steps)
        #expect(
            others == ["checked", "markedSource", "markedTarget", "loadedPage", "loaded", "verified", "finished"])
        try await check(source, target, against: before)
        // The server took it over as it was; a file takes it back as it is now.
        let home = DatabaseURL(file: source.directory.file("home.db"))
        let there = try await source.sums(target)
        _ = try await source.copy(from: target, to: home).run()
        try await check(source, home, against: there)
        let error = await #expect(throws: StorageError.self) {
            try await source.open(target).write { try $0.pruneAuditLog(before: .epoch, limit: 1) }
        }
        #expect(error?.code == .moving)
    }

    @Test("a copy into a server can be undone after each step, and then begun anew", arguments: Engine.allCases)
    func undone(_ engine: Engine) async throws {
        let source = try await Source()
        defer { source.remove() }
        let target = try DatabaseURL(try await TestDatabase.make(engine).url())
        let before = try await source.sums(source.url)
        for number in [2, 3, 6, 9] {
            let left = Mutex(number)
            var copy = source.copy(from: source.url, to: target)
            copy.afterStep = { _ in
                try left.withLock { left in
                    left -= 1
                    if left == 0 { throw Breaker.BrokenOff() }
                }
            }
            await #expect(throws: Breaker.BrokenOff.self) { try await copy.run() }
            #expect(try await source.copy(from: source.url, to: target).abort())
            #expect(try await source.sums(source.url) == before)
        }
        _ = try await source.copy(from: source.url, to: target).run()
        try await check(source, target, against: before)
    }

    @Test("a backup of a server restores into the other server", arguments: Engine.allCases)
    func restores(_ engine: Engine) async throws {
        let source = try await Source()
        defer { source.remove() }
        let target = try DatabaseURL(try await TestDatabase.make(engine).url())
        _ = try await source.copy(from: source.url, to: target).run()
        let file = source.directory.file("backup")
        let backend = try await source.open(target)
        let session = OperatorSession(
            backend: backend, clusterID: source.clusterID, key: source.key, actor: Self.actor)
        _ = try await Backup(session, settings: source.settings).write(to: file, protection: .none)
        await backend.close()
        let other = try DatabaseURL(
            try await TestDatabase.make(engine == .mariadb ? .postgres : .mariadb).url())
        let machine = DataDirectory(path: source.directory.file("machine"))
        let restore = Restore(directory: machine, probe: LinuxHostProbe(), actor: Self.actor)
        let outcome = try await restore.run(
            try BackupContents.examine(file), key: source.key, .init(databaseURL: other.text)
        ) { settings, key, _ in
            try await Self.open(other, key, settings.clusterID, .create)
        }
        let (before, after) = (try await source.sums(target), try await source.sums(other))
        for (name, sum) in before where name != "audit_log" { #expect(after[name] == sum, "\(name)") }
        #expect(after["audit_log"]?.rows == (before["audit_log"]?.rows ?? 0) + 1)
        #expect(outcome.settings.databaseURL == other.text)
    }

    @Test("a backup of a server is one state, while others write", arguments: Engine.allCases)
    func online(_ engine: Engine) async throws {
        let source = try await Source()
        defer { source.remove() }
        let target = try DatabaseURL(try await TestDatabase.make(engine).url())
        _ = try await source.copy(from: source.url, to: target).run()
        let backend = try await source.open(target)
        let session = OperatorSession(
            backend: backend, clusterID: source.clusterID, key: source.key, actor: Self.actor)
        let writer = Task {
            for number in 0..<1_000 where !Task.isCancelled {
                _ = try await UserOperations(session).add("extra\(number)", password: nil)
            }
        }
        for number in 0..<3 {
            let file = source.directory.file("backup\(number)")
            _ = try await Backup(session, settings: source.settings).write(to: file, protection: .none)
            let machine = DataDirectory(path: source.directory.file("machine\(number)"))
            let restore = Restore(directory: machine, probe: LinuxHostProbe(), actor: Self.actor)
            _ = try await restore.run(try BackupContents.examine(file), key: source.key, .init()) {
                settings, key, directory in
                try await Self.open(
                    DatabaseURL(file: directory.file("asnode.db")), key, settings.clusterID, .create)
            }
            let sums = try await source.sums(DatabaseURL(file: machine.file("asnode.db")))
            // Each user is one row and one audit entry; the node's making, its copy and its restore are the others.
            let (users, entries) = (sums["users"]?.rows ?? 0, sums["audit_log"]?.rows ?? 0)
            #expect(users >= Source.users && entries - users == Source.otherEntries, "\(users), \(entries)")
        }
        writer.cancel()
        _ = try? await writer.value
        await backend.close()
    }

    /// Checks that a store holds what another one held, and one audit entry more, and has the node.
    private func check(
        _ source: Source, _ url: DatabaseURL, against before: [String: ContentSum]
    ) async throws {
        let after = try await source.sums(url)
        for (name, sum) in before where name != "audit_log" { #expect(after[name] == sum, "\(name)") }
        #expect(after["audit_log"]?.rows == (before["audit_log"]?.rows ?? 0) + 1)
        #expect(after["users"]?.rows == Source.users)
        let (backend, key, node) = (try await source.open(url), source.key, source.nodeID)
        try await backend.read { reader in
            #expect(try reader.nodes.nodes().map(\.id) == [node])
            let snapshot = try Snapshot.load(from: reader, key: key)
            #expect(snapshot.problems.isEmpty && snapshot.users.count == Source.users)
        }
        await backend.close()
    }
}
