import ClusterCore
import DatabaseServers
import SQLDriverTestKit
import StoragePostgres
import StorageSQL
import Testing

@Suite("PostgreSQL: behind a pooler in transaction mode", .serialized)
struct PostgresPoolerTests {
    private static let pooler = Result {
        guard let server = try Servers.server(.postgres) as? PostgresServer else { throw ServerFailure("no server") }
        return try PgBouncer(to: server, sessions: 4)
    }

    private func url(_ database: TestDatabase) async throws -> String {
        try await onBlockingThread("pooler") { try Self.pooler.get().url(database: database.name) }
    }

    @Test("the driver does what every driver does", arguments: [0, 1, 2, 3])
    func conformance(group: Int) async throws {
        let url = try await url(try await TestDatabase.make(.postgres))
        try await onBlockingThread("case") {
            let driver = DriverUnderTest(open: { try Postgres.connect(url) })
            for (index, testCase) in DriverConformance.cases(having: []).enumerated() where index % 4 == group {
                try testCase.run(on: driver)
            }
        }
    }

    @Test("more clients than sessions share them, and leave no limits behind")
    func sharing() async throws {
        let database = try await TestDatabase.make(.postgres)
        let url = try await url(database)
        var options = Postgres.options()
        options.readers = 8
        options.writers = 8
        let backend = try await Postgres.open(url, .create, options)
        let cluster = ClusterInfo(
            id: TestKey.clusterID, lineage: sample(2), createdAt: Timestamp(seconds: 1_800_000_000))
        try await backend.write { writer in try writer.change(by: .test) { try $0.createCluster(cluster) } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number: UInt64 in 1...24 {
                let user = sampleUser(number, name: "user\(number)")
                group.addTask {
                    try await backend.write { writer in try writer.change(by: .test) { _ = try $0.add(user) } }
                    _ = try await backend.read { try $0.accounts.user(named: user.name) }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await backend.read { try $0.accounts.userCount() } == 24)
        let limits = try await backend.withConnection(.read) { connection in
            try (0..<8).flatMap { _ in try connection.rows("SHOW statement_timeout") }
        }
        #expect(limits.allSatisfy { $0 == [.text("0")] })
        // Nothing is notified here: a change is found by polling.
        let number = try await backend.read { try $0.config.revision().number }
        let seen = Task {
            for await revision in backend.watch(every: .milliseconds(50)).changes where revision.number > number {
                return true
            }
            return false
        }
        let user = sampleUser(99, name: "late")
        try await backend.write { writer in try writer.change(by: .test) { _ = try $0.add(user) } }
        #expect(await seen.value)
        await backend.close()
    }
}
