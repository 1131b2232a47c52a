import ClusterCore
import Testing

@testable import StorageSQL
@testable import StorageSQLite

@Suite("The connection pool")
struct PoolTests {
    private func pool(
        _ store: TestStore, maximum: Int, limits: PoolLimits = PoolLimits()
    ) async throws -> ConnectionPool {
        await (try store.open()).close()
        let options = store.options()
        return ConnectionPool(
            name: "test", maximum: maximum, limits: limits, environment: store.environment.environment
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
        let pool = try await pool(TestStore(), maximum: 1, limits: PoolLimits(wait: .milliseconds(100)))
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

    /// A pool that counts the connections it opens, on a clock that stands still.
    private func counting(
        maximum: Int = 2, _ limits: PoolLimits, uptime: Shared<Duration>, opened: Shared<Int>
    ) async throws -> ConnectionPool {
        let store = try TestStore()
        await (try store.open()).close()
        var environment = store.environment.environment
        environment.uptime = { uptime.value }
        let options = store.options()
        return ConnectionPool(name: "test", maximum: maximum, limits: limits, environment: environment) {
            opened.change { $0 += 1 }
            return try SQLiteConnection(options.connection(store.path, .read))
        }
    }

    @Test("a connection is kept until it is old, and then opened anew")
    func lifetime() async throws {
        let (uptime, opened) = (Shared(Duration.zero), Shared(0))
        let limits = PoolLimits(idle: .seconds(5000), lifetime: .seconds(1000), check: .seconds(5000))
        let pool = try await counting(limits, uptime: uptime, opened: opened)
        for (seconds, count) in [(0, 1), (500, 1), (899, 1), (1000, 2), (1800, 2)] {
            uptime.change { $0 = .seconds(seconds) }
            try await pool.withConnection { _ in }
            #expect(opened.value == count, "\(seconds) s")
        }
        await pool.close()
    }

    @Test("a connection that idled and does not answer any more is replaced before it is used")
    func check() async throws {
        let store = try TestStore()
        await (try store.open()).close()
        let (uptime, opened, isMute) = (Shared(Duration.zero), Shared(0), Shared(false))
        var environment = store.environment.environment
        environment.uptime = { uptime.value }
        let options = store.options()
        let pool = ConnectionPool(
            name: "test", maximum: 1, limits: PoolLimits(idle: .seconds(5000), check: .seconds(30)),
            environment: environment
        ) {
            opened.change { $0 += 1 }
            isMute.change { $0 = false }
            return Counted(try SQLiteConnection(options.connection(store.path, .read)), isMute: isMute) {}
        }
        try await pool.withConnection { _ in }
        uptime.change { $0 = .seconds(31) }
        try await pool.withConnection { _ in }
        #expect(opened.value == 1)
        isMute.change { $0 = true }
        uptime.change { $0 = .seconds(60) }
        #expect(await failureCode { try await pool.withConnection { try $0.rows("SELECT 1") } } == .connectionLost)
        uptime.change { $0 = .seconds(91) }
        let rows = try await pool.withConnection { try $0.rows("SELECT 1") }
        #expect(rows == [[.integer(1)]] && opened.value == 2)
        await pool.close()
    }

    @Test("so many connections are opened at the start, and no more than are needed after that")
    func minimum() async throws {
        let (uptime, opened) = (Shared(Duration.zero), Shared(0))
        let pool = try await counting(maximum: 4, PoolLimits(minimum: 2), uptime: uptime, opened: opened)
        // Both are open then, and idle.
        try await Task.sleep(for: .milliseconds(500))
        #expect(opened.value == 2)
        for _ in 0..<20 { try await pool.withConnection { _ in } }
        #expect(opened.value == 2)
        await pool.close()
    }

    @Test("a connection that idles for too long is closed", .timeLimit(.minutes(1)))
    func idle() async throws {
        let store = try TestStore()
        await (try store.open()).close()
        let (options, open) = (store.options(), Shared(0))
        let pool = ConnectionPool(
            name: "test", maximum: 2, limits: PoolLimits(idle: .milliseconds(100)),
            environment: store.environment.environment
        ) {
            open.change { $0 += 1 }
            let connection = try SQLiteConnection(options.connection(store.path, .read))
            return Counted(connection, isMute: Shared(false)) { open.change { $0 -= 1 } }
        }
        try await pool.withConnection { _ in }
        #expect(open.value == 1)
        while open.value > 0 { try await Task.sleep(for: .milliseconds(20)) }
        try await pool.withConnection { _ in }
        #expect(open.value == 1)
        await pool.close()
        #expect(open.value == 0)
    }

    @Test("a connection that cannot be opened fails the work that needs it, and the next is tried anew")
    func openFailure() async throws {
        let tries = Shared(0)
        let store = try TestStore()
        await (try store.open()).close()
        let options = store.options()
        let pool = ConnectionPool(
            name: "test", maximum: 1, limits: PoolLimits(), environment: store.environment.environment
        ) {
            tries.change { $0 += 1 }
            if tries.value < 3 { throw StorageError(.unavailable, "not there") }
            return try SQLiteConnection(options.connection(store.path, .read))
        }
        for _ in 0..<2 { #expect(await failureCode { try await pool.withConnection { _ in } } == .unavailable) }
        try await pool.withConnection { _ in }
        await pool.close()
    }

    @Test("cancelling tasks at any moment leaves the pool as good as new", .timeLimit(.minutes(1)))
    func cancellationStorm() async throws {
        let pool = try await pool(TestStore(), maximum: 2)
        var generator = SeededGenerator.announced()
        for _ in 0..<300 {
            let pause = Int.random(in: 0..<300, using: &generator)
            let task = Task { try await pool.withConnection { try $0.rows("SELECT 1").count } }
            try await Task.sleep(for: .microseconds(pause))
            task.cancel()
            switch await task.result {
            case .success(let count): #expect(count == 1)
            case .failure(let error):
                #expect(error is CancellationError || (error as? StorageError)?.code == .timeout, "\(error)")
            }
        }
        #expect(try await pool.withConnection { try $0.rows("SELECT 1") } == [[.integer(1)]])
        await pool.close()
    }
}

/// A connection that tells when it is closed, and stops answering when it is told to.
private final class Counted: SQLConnection {
    private let base: SQLiteConnection
    private let isMute: Shared<Bool>
    private let onClose: @Sendable () -> Void

    init(_ base: SQLiteConnection, isMute: Shared<Bool>, onClose: @escaping @Sendable () -> Void) {
        self.base = base
        self.isMute = isMute
        self.onClose = onClose
    }

    var dialect: any SQLDialect { base.dialect }
    var isUsable: Bool { base.isUsable }
    func execute(_ statement: String, _ values: [SQLValue]) throws -> Int { try base.execute(statement, values) }
    func query(_ statement: String, _ values: [SQLValue], _ body: (_ row: [SQLValue]) throws -> Void) throws {
        if isMute.value { throw StorageError(.connectionLost, "no answer") }
        try base.query(statement, values, body)
    }
    func begin(_ mode: TransactionMode) throws { try base.begin(mode) }
    func commit() throws { try base.commit() }
    func rollback() { base.rollback() }
    func serverTime() throws -> Timestamp { try base.serverTime() }
    func inspect() throws -> DatabaseIdentity { try base.inspect() }
    func claim() throws { try base.claim() }
    func close() {
        base.close()
        onClose()
    }
}
