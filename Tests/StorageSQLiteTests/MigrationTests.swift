import ClusterCore
import Foundation
import StorageSQL
import StorageSQLite
import Synchronization
import Testing

@Suite("Migrations on SQLite")
struct MigrationTests {
    private struct Crash: Error {}

    /// The steps of this version, and two that a later one might have.
    private static let later: [Migration] =
        Schema.steps + [
            Migration(number: Schema.steps.count + 1, name: "a table") {
                try $0.execute("CREATE TABLE IF NOT EXISTS later_a (x INTEGER)")
            },
            Migration(number: Schema.steps.count + 2, name: "another") {
                try $0.execute("CREATE TABLE IF NOT EXISTS later_b (x INTEGER)")
            },
        ]

    private func open(
        _ store: TestStore, _ mode: SQLiteBackend.OpenMode, _ migrator: Migrator
    ) async throws -> SQLiteBackend {
        var options = store.options()
        options.migrator = migrator
        return try await SQLiteBackend.open(store.path, mode: mode, options: options)
    }

    @Test("a fresh database gets all steps, a second opening none")
    func fresh() async throws {
        let store = try TestStore()
        let ran = Mutex<[Int]>([])
        let migrator = Migrator(beforeStep: { step in ran.withLock { $0.append(step.number) } })
        await (try open(store, .create, migrator)).close()
        #expect(ran.withLock { $0 } == Array(1...Schema.steps.count))
        await (try open(store, .create, migrator)).close()
        #expect(ran.withLock { $0.count } == Schema.steps.count)
        #expect(store.directory.files == ["cluster.db"])
    }

    @Test("an older database is copied and then migrated, and keeps what is in it")
    func upgrade() async throws {
        let store = try TestStore()
        await (try store.openWithCluster()).close()
        let older = await failureCode { try await open(store, .existing, Migrator(steps: Self.later)) }
        #expect(older == .schemaTooOld)
        let backend = try await open(store, .migrate, Migrator(steps: Self.later))
        #expect(try await backend.read { try $0.config.cluster()?.id } == store.clusterID)
        #expect(backend.notices.count == 1)
        await backend.close()
        let copy = store.path + ".schema-\(Schema.steps.count)"
        let before = try await SQLiteBackend.open(copy, mode: .existing, options: store.options())
        #expect(try await before.read { try $0.config.cluster()?.id } == store.clusterID)
        await before.close()
    }

    @Test(
        "a newer database is refused and left as it is",
        arguments: [SQLiteBackend.OpenMode.create, .migrate, .existing])
    func newer(mode: SQLiteBackend.OpenMode) async throws {
        let store = try TestStore()
        await (try open(store, .create, Migrator(steps: Self.later))).close()
        let before = try Data(contentsOf: URL(fileURLWithPath: store.path))
        #expect(await failureCode { try await open(store, mode, Migrator()) } == .schemaTooNew)
        #expect(try Data(contentsOf: URL(fileURLWithPath: store.path)) == before)
        #expect(store.directory.files == ["cluster.db"])
    }

    @Test("a migration that breaks off before or in a step goes on where it was", arguments: [1, 2, 3], [true, false])
    func resume(step: Int, inside: Bool) async throws {
        let store = try TestStore()
        let crash: @Sendable (Migration) throws -> Void = { if $0.number == step { throw Crash() } }
        let nothing: @Sendable (Migration) throws -> Void = { _ in }
        let failing = Migrator(
            steps: Self.later, beforeStep: inside ? nothing : crash, afterStep: inside ? crash : nothing)
        await #expect(throws: Crash.self) { try await open(store, .create, failing) }
        let ran = Mutex<[Int]>([])
        let migrator = Migrator(steps: Self.later, afterStep: { step in ran.withLock { $0.append(step.number) } })
        await (try open(store, .create, migrator)).close()
        #expect(ran.withLock { $0 } == Array(step...Self.later.count))
        await (try open(store, .existing, migrator)).close()
    }

    @Test("two processes that migrate at once run each step once")
    func atOnce() async throws {
        let store = try TestStore()
        await (try store.openWithCluster()).close()
        let ran = Mutex<[Int]>([])
        let migrator = Migrator(steps: Self.later, afterStep: { step in ran.withLock { $0.append(step.number) } })
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { await (try open(store, .create, migrator)).close() }
            }
            try await group.waitForAll()
        }
        #expect(ran.withLock { $0 } == Array(Schema.steps.count + 1...Self.later.count))
    }

    /// How a node stands that the database knows.
    enum Standing: CaseIterable {
        case running, added, stopped, silent, removed, own
    }

    @Test("a migration is refused while a node runs that could not read the result", arguments: Standing.allCases)
    func nodesInTheWay(_ standing: Standing) async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        let now = store.environment.now
        let node = Node(
            id: sample(7), name: "gate-1", hostname: "h", softwareVersion: "1", createdAt: now, startedAt: now,
            lastSeenAt: now)
        try await backend.write { writer in
            try writer.nodes.add(node)
            if standing == .added { return }
            let started = try writer.nodes.beginEpoch(of: node.id, after: 0, hostname: "h", softwareVersion: "1")
            if standing == .stopped { try writer.nodes.stop(started.lease) }
            if standing == .removed { try writer.nodes.setState(.removed, of: node.id) }
        }
        await backend.close()
        if standing == .silent { store.environment.now = now + .seconds(901) }
        var options = store.options()
        options.migrator = Migrator(steps: Self.later)
        options.node = standing == .own ? node.id : sample(8)
        do {
            await (try SQLiteBackend.open(store.path, mode: .migrate, options: options)).close()
            #expect(standing != .running)
        } catch let error as StorageError {
            #expect(standing == .running && error.code == .busy && error.message.contains("gate-1"), "\(error)")
            #expect(!store.directory.files.contains { $0.contains("schema") }, "what is not migrated is not copied")
        }
    }

    @Test("a node that was set to draining while it runs is still in the way")
    func drainingNode() async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        let now = store.environment.now
        let node = Node(
            id: sample(7), name: "gate-1", hostname: "h", softwareVersion: "1", createdAt: now, startedAt: now,
            lastSeenAt: now)
        try await backend.write { writer in
            try writer.nodes.add(node)
            _ = try writer.nodes.beginEpoch(of: node.id, after: 0, hostname: "h", softwareVersion: "1")
        }
        try await backend.write { try $0.nodes.setState(.draining, of: node.id) }
        await backend.close()
        #expect(await failureCode { try await open(store, .migrate, Migrator(steps: Self.later)) } == .busy)
    }
}
