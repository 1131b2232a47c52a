import ClusterCore
import Testing

@testable import StorageSQL
@testable import StorageSQLite

@Suite("SQLite statements that take long")
struct StatementLimitTests {
    private static let endless =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"

    private func pool(_ store: TestStore, statement: Duration) async throws -> ConnectionPool {
        await (try store.open()).close()
        var options = store.options()
        options.statementTimeout = statement
        let fixed = options
        return ConnectionPool(
            name: "test", maximum: 1, limits: PoolLimits(), environment: store.environment.environment
        ) {
            try SQLiteConnection(fixed.connection(store.path, .write))
        }
    }

    @Test("a statement beyond its time ends with a timeout, and the next has all of its own", .timeLimit(.minutes(1)))
    func limit() async throws {
        let pool = try await pool(TestStore(), statement: .milliseconds(200))
        for _ in 0..<2 {
            let start = ContinuousClock.now
            #expect(await failureCode { try await pool.withConnection { try $0.rows(Self.endless) } } == .timeout)
            #expect(ContinuousClock.now - start >= .milliseconds(200))
        }
        #expect(try await pool.withConnection { try $0.rows("SELECT 1") } == [[.integer(1)]])
        await pool.close()
    }

    @Test("a lane's own limit goes before the connection's")
    func lane() throws {
        let options = try TestStore().options()
        let limited = options.connection("/x", .write, LaneLimits(statement: .milliseconds(100)))
        #expect(limited.statementTimeout == .milliseconds(100) && limited.busyTimeout == .milliseconds(100))
        let other = options.connection("/x", .write)
        #expect(other.statementTimeout == .seconds(30) && other.busyTimeout == .milliseconds(500))
    }

    @Test(
        "cancelling the task stops the statement that runs, undoes its transaction, and spares the next one",
        .timeLimit(.minutes(1)))
    func cancellation() async throws {
        let pool = try await pool(TestStore(), statement: .seconds(600))
        let begun = DispatchGate()
        let task = Task {
            try await pool.withConnection { connection in
                try connection.begin(.write)
                defer { connection.rollback() }
                try connection.execute("DELETE FROM counters")
                begun.open()
                _ = try connection.rows(Self.endless)
            }
        }
        await begun.waitAsync()
        try await Task.sleep(for: .milliseconds(50))
        task.cancel()
        #expect(await failureCode { try await task.value } == .timeout)
        #expect(try await pool.withConnection { try $0.rows("SELECT count(*) FROM counters") } == [[.integer(1)]])
        await pool.close()
    }

    @Test("a commit that runs is not stopped, and statements after it can be")
    func commit() async throws {
        let store = try TestStore()
        await (try store.open()).close()
        let connection = try SQLiteConnection(
            store.options().connection(store.path, .write))
        let canceller = try #require(connection.canceller)
        try connection.begin(.write)
        try connection.execute("DELETE FROM counters")
        try connection.commit()
        canceller.cancel()
        #expect(try connection.rows("SELECT count(*) FROM counters") == [[.integer(0)]])
        connection.close()
        canceller.cancel()
    }
}
