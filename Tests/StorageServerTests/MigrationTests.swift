import ClusterCore
import StorageMySQL
import StoragePostgres
import StorageSQL
import Synchronization
import Testing

@Suite("Migrations on database servers", .serialized)
struct MigrationTests {
    private struct Crash: Error {}

    /// The steps of this version, and two that a later one might have.
    private static let later: [Migration] =
        Schema.steps + [
            Migration(number: Schema.steps.count + 1, name: "a table") {
                try $0.execute("CREATE TABLE IF NOT EXISTS later_a (x BIGINT PRIMARY KEY)")
            },
            Migration(number: Schema.steps.count + 2, name: "another") {
                try $0.execute("CREATE TABLE IF NOT EXISTS later_b (x BIGINT PRIMARY KEY)")
            },
        ]

    @Test("an empty database gets the tables where it may, and is refused elsewhere", arguments: Engine.allCases)
    func fresh(_ engine: Engine) async throws {
        let database = try await TestDatabase.make(engine)
        for mode in [DatabaseOpenMode.existing, .migrate] {
            #expect(await failure { try await database.open(mode) }?.code == .notFound)
        }
        let ran = Mutex<[Int]>([])
        let migrator = Migrator(beforeStep: { step in ran.withLock { $0.append(step.number) } })
        await (try database.open(.create, migrator: migrator)).close()
        await (try database.open(.create, migrator: migrator)).close()
        await (try database.open(.existing, migrator: migrator)).close()
        #expect(ran.withLock { $0 } == Array(1...Schema.steps.count))
    }

    @Test("a database of something else is refused and left as it is", arguments: Engine.allCases)
    func foreign(_ engine: Engine) async throws {
        let database = try await TestDatabase.make(engine)
        let names = try await onBlockingThread("foreign") {
            try database.connect().execute("CREATE TABLE wordpress (x BIGINT PRIMARY KEY)")
            return try database.connect().rows("SELECT COUNT(*) FROM wordpress")
        }
        #expect(names == [[.integer(0)]])
        for mode in [DatabaseOpenMode.create, .migrate, .existing] {
            #expect(await failure { try await database.open(mode) }?.code == .foreign)
        }
        let marker = await failure {
            try await onBlockingThread("foreign") { _ = try database.connect().rows("SELECT id FROM asnode_store") }
        }
        #expect(marker?.code == .corrupt, "a table was made")
    }

    @Test("an older database is migrated where it may, a newer one is refused", arguments: Engine.allCases)
    func versions(_ engine: Engine) async throws {
        let database = try await TestDatabase.make(engine)
        await (try database.openWithCluster()).close()
        let later = Migrator(steps: Self.later)
        #expect(await failure { try await database.open(.existing, migrator: later) }?.code == .schemaTooOld)
        let backend = try await database.open(.migrate, migrator: later)
        #expect(try await backend.read { try $0.config.cluster()?.id } == TestKey.clusterID)
        await backend.close()
        for mode in [DatabaseOpenMode.create, .migrate, .existing] {
            #expect(await failure { try await database.open(mode) }?.code == .schemaTooNew)
        }
    }

    @Test("a migration that breaks off goes on where it was", arguments: Engine.allCases, [1, 2, 3])
    func resume(_ engine: Engine, step: Int) async throws {
        let database = try await TestDatabase.make(engine)
        let failing = Migrator(steps: Self.later, beforeStep: { if $0.number == step { throw Crash() } })
        await #expect(throws: Crash.self) { try await database.open(.create, migrator: failing) }
        let ran = Mutex<[Int]>([])
        let migrator = Migrator(steps: Self.later, afterStep: { step in ran.withLock { $0.append(step.number) } })
        await (try database.open(.create, migrator: migrator)).close()
        #expect(ran.withLock { $0 } == Array(step...Self.later.count))
    }

    @Test("four processes that migrate at once run each step once", arguments: Engine.allCases)
    func atOnce(_ engine: Engine) async throws {
        let database = try await TestDatabase.make(engine)
        let ran = Mutex<[Int]>([])
        let migrator = Migrator(steps: Self.later, afterStep: { step in ran.withLock { $0.append(step.number) } })
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { await (try database.open(.create, migrator: migrator)).close() }
            }
            try await group.waitForAll()
        }
        #expect(ran.withLock { $0 } == Array(1...Self.later.count))
    }
}
