import ClusterCore
import Testing

@testable import StorageSQL
@testable import StorageSQLite

@Suite("The connection pool")
struct PoolTests {
    private func pool(
        _ store: TestStore, maximum: Int, wait: Duration = .seconds(20)
    ) async throws -> ConnectionPool {
        await (try store.open()).close()
        let options = store.options()
        return ConnectionPool(
            name: "test", limits: .init(maximum: maximum, wait: wait), environment: store.environment.environment
        ) {
            try SQLiteConnection(options.connection(store.path, .read))
        }
    }

    @Test("those who wait get a connection in the order in which they came")
    func fairness() async throws {
        let pool = try await pool(TestStore(), maximum: 1)
        let begun = DispatchGate()
        let done = DispatchGate()
        let order = Shared<[Int]>([])
        let holder = Task {
            try await pool.withConnection { _ in
                begun.open()
                done.wait()
            }
        }
        await begun.waitAsync()
        var waiting: [Task<Void, any Error>] = []
        for index in 0..<10 {
            waiting.append(
                Task { try await pool.withConnection { _ in order.change { $0.append(index) } } })
            // Each is in line before the next one comes.
            try await Task.sleep(for: .milliseconds(30))
        }
        done.open()
        try await holder.value
        for task in waiting { try await task.value }
        #expect(order.value == Array(0..<10))
        await pool.close()
    }

    @Test("no more connections are open at once than the limit, and all are used")
    func maximum() async throws {
        let pool = try await pool(TestStore(), maximum: 3)
        let counts = Shared((now: 0, most: 0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<60 {
                group.addTask {
                    try await pool.withConnection { connection in
                        counts.change { counts in
                            counts.now += 1
                            counts.most = max(counts.most, counts.now)
                        }
                        _ = try connection.rows(
                            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 20000) "
                                + "SELECT count(*) FROM n")
                        counts.change { $0.now -= 1 }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(counts.value.most == 3)
        await pool.close()
    }

    @Test("whoever waits too long is told, and the connection goes to the next one")
    func deadline() async throws {
        let pool = try await pool(TestStore(), maximum: 1, wait: .milliseconds(100))
        let begun = DispatchGate()
        let done = DispatchGate()
        let holder = Task {
            try await pool.withConnection { _ in
                begun.open()
                done.wait()
            }
        }
        await begun.waitAsync()
        #expect(await failureCode { try await pool.withConnection { _ in } } == .timeout)
        done.open()
        try await holder.value
        try await pool.withConnection { _ in }
        await pool.close()
    }

    @Test("a task that is cancelled while it waits leaves the line")
    func cancellation() async throws {
        let pool = try await pool(TestStore(), maximum: 1)
        let begun = DispatchGate()
        let done = DispatchGate()
        let holder = Task {
            try await pool.withConnection { _ in
                begun.open()
                done.wait()
            }
        }
        await begun.waitAsync()
        let waiting = Task { try await pool.withConnection { _ in Issue.record("it was cancelled") } }
        try await Task.sleep(for: .milliseconds(50))
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        done.open()
        try await holder.value
        try await pool.withConnection { _ in }
        await pool.close()
    }

    @Test("a connection that cannot be used any more is replaced")
    func replacement() async throws {
        let pool = try await pool(TestStore(), maximum: 1)
        try await pool.withConnection { $0.close() }
        let rows = try await pool.withConnection { try $0.rows("SELECT 1") }
        #expect(rows == [[.integer(1)]])
        await pool.close()
    }

    @Test("closing fails those who wait, and ends only after those who work")
    func closing() async throws {
        let pool = try await pool(TestStore(), maximum: 1)
        let begun = DispatchGate()
        let done = DispatchGate()
        let finished = Shared(false)
        let holder = Task {
            try await pool.withConnection { _ in
                begun.open()
                done.wait()
                finished.change { $0 = true }
            }
        }
        await begun.waitAsync()
        let waiting = Task { await failureCode { try await pool.withConnection { _ in } } }
        try await Task.sleep(for: .milliseconds(50))
        let closing = Task {
            await pool.close()
            return finished.value
        }
        #expect(await waiting.value == .closed)
        done.open()
        #expect(await closing.value)
        try await holder.value
        await pool.close()
    }
}
