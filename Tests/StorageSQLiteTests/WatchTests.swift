import ClusterCore
import Testing

@testable import StorageSQL
@testable import StorageSQLite

@Suite("Watching a store, on a lane")
struct WatchTests {
    private func revisions(_ count: Int, of watch: StoreWatch) async -> [Int64] {
        var numbers: [Int64] = []
        for await revision in watch.changes {
            numbers.append(revision.number)
            if numbers.count == count { break }
        }
        return numbers
    }

    @Test("each look is a sighting, with the store's time and when it began")
    func sightings() async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        let start = store.environment.environment.uptime()
        var begins: [Duration] = []
        for await sighting in backend.watch(every: .milliseconds(30)) {
            guard case .read(let revision, let time, let began) = sighting else {
                Issue.record("\(sighting)")
                break
            }
            #expect(revision.number == 1 && time == store.environment.now)
            begins.append(began)
            if begins.count == 4 { break }
        }
        #expect(begins.first.map { $0 >= start } == true)
        let gaps = zip(begins, begins.dropFirst()).map { $1 - $0 }
        #expect(gaps.allSatisfy { $0 >= .milliseconds(29) }, "\(gaps)")
        await backend.close()
    }

    @Test("a change is seen by a watch in another process, each revision once")
    func changes() async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        let other = try await store.open(.existing)
        async let seen = revisions(3, of: other.watch(every: .milliseconds(20)))
        for number in 5...6 {
            try await Task.sleep(for: .milliseconds(200))
            let user = sampleUser(UInt64(number), name: "user\(number)")
            try await backend.write { writer in try writer.change(by: .test) { _ = try $0.add(user) } }
        }
        #expect(await seen == [1, 2, 3])
        await backend.close()
        await other.close()
    }

    @Test("a store that cannot be read is a sighting too, and is read again when it can be")
    func failures() async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        var failed = 0
        var recovered = false
        for await sighting in backend.watch(every: .milliseconds(20)) {
            switch sighting {
            case .read where failed == 0: try store.tamper("ALTER TABLE revision RENAME TO gone")
            case .failed where failed < 3: failed += 1
            case .failed:
                failed += 1
                if failed == 4 { try store.tamper("ALTER TABLE gone RENAME TO revision") }
            case .read: recovered = true
            }
            if recovered { break }
        }
        #expect(failed >= 4 && recovered)
        await backend.close()
    }

    @Test("cancelling its task ends a watch at once, and gives the lane back", .timeLimit(.minutes(1)))
    func cancellation() async throws {
        let backend = try await TestStore().openWithCluster()
        let looked = DispatchGate()
        let watching = Task {
            var count = 0
            for await _ in backend.watch(every: .seconds(600)) {
                count += 1
                looked.open()
            }
            return count
        }
        await looked.waitAsync()
        try await Task.sleep(for: .milliseconds(50))
        let start = ContinuousClock.now
        watching.cancel()
        #expect(await watching.value == 1)
        await backend.close()
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    @Test("closing the backend ends its watches and lanes", .timeLimit(.minutes(1)))
    func closing() async throws {
        let backend = try await TestStore().openWithCluster()
        let lane = try await backend.lane("seats", limits: LaneLimits())
        try await lane.write { _ = try $0.now() }
        let looked = DispatchGate()
        let watching = Task {
            for await _ in backend.watch(every: .milliseconds(20)) { looked.open() }
        }
        await looked.waitAsync()
        await backend.close()
        await watching.value
        #expect(await failureCode { try await lane.read { try $0.now() } } == .closed)
        #expect(await failureCode { try await backend.lane("late", limits: LaneLimits()) } == .closed)
    }

    @Test("a lane works while every connection of the pool is taken")
    func independence() async throws {
        let store = try TestStore()
        var options = store.options()
        options.readers = 1
        await (try store.openWithCluster()).close()
        let backend = try await SQLiteBackend.open(store.path, mode: .existing, options: options)
        let begun = DispatchGate()
        let done = DispatchGate()
        let holder = Task {
            try await backend.read { _ in
                begun.open()
                done.wait()
            }
        }
        await begun.waitAsync()
        let lane = try await backend.lane("seats", limits: LaneLimits())
        #expect(try await lane.read { try $0.config.revision().number } == 1)
        try await lane.write { writer in try writer.change(by: .test) { try $0.set("hold-tun", to: "true") } }
        await lane.close()
        #expect(await failureCode { try await lane.read { try $0.now() } } == .closed)
        done.open()
        try await holder.value
        #expect(try await backend.read { try $0.config.revision().number } == 2)
        await backend.close()
    }

    @Test("a notification wakes the watch before its time")
    func notification() async throws {
        let store = try TestStore()
        await (try store.openWithCluster()).close()
        let options = store.options()
        let bell = Bell()
        let backend = SQLBackend(
            options: .init(authenticator: options.authenticator, environment: store.environment.environment)
        ) { BellConnection(try SQLiteConnection(options.connection(store.path, $0.mode, $0.limits)), bell) }
        async let seen = revisions(2, of: backend.watch(every: .seconds(600)))
        try await Task.sleep(for: .milliseconds(300))
        try await backend.write { writer in try writer.change(by: .test) { try $0.set("hold-tun", to: "true") } }
        #expect(await seen == [1, 2])
        #expect(bell.rings.value == 1)
        await backend.close()
    }

    @Test("a lane's transactions end within its limits")
    func limits() async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        let begun = DispatchGate()
        let done = DispatchGate()
        let lane = try await backend.lane("seats", limits: LaneLimits(wait: .milliseconds(100)))
        let holder = Task {
            try await lane.read { _ in
                begun.open()
                done.wait()
            }
        }
        await begun.waitAsync()
        let start = ContinuousClock.now
        #expect(await failureCode { try await lane.read { try $0.now() } } == .timeout)
        #expect(ContinuousClock.now - start < .seconds(5))
        done.open()
        try await holder.value
        await backend.close()
    }
}

/// What a database that can tell of changes has in place of a channel.
final class Bell: Sendable {
    let rings = Shared(0)
}

/// A connection to a database that can tell of changes.
final class BellConnection: SQLConnection {
    private struct Dialect: SQLDialect {
        let name = "SQLite with a bell"
        let tellsCommitOutcome = true
        let hasTransactionalSchema = true
        let announcement: String? = "RING"
        func creating(_ table: SQLTable) -> [String] { SQLiteDialect().creating(table) }
        func adding(_ column: SQLTable.Column, to table: String) -> String {
            SQLiteDialect().adding(column, to: table)
        }
    }

    let dialect: any SQLDialect = Dialect()
    private let base: SQLiteConnection
    private let bell: Bell
    private var heard = 0
    private var rings = false

    init(_ base: SQLiteConnection, _ bell: Bell) {
        self.base = base
        self.bell = bell
    }

    var isUsable: Bool { base.isUsable }

    func execute(_ statement: String, _ values: [SQLValue]) throws -> Int {
        guard statement == "RING" else { return try base.execute(statement, values) }
        rings = true
        return 0
    }

    func query(_ statement: String, _ values: [SQLValue], _ body: (_ row: [SQLValue]) throws -> Void) throws {
        try base.query(statement, values, body)
    }

    func begin(_ mode: TransactionMode) throws {
        rings = false
        try base.begin(mode)
    }

    func commit() throws {
        try base.commit()
        if rings { bell.rings.change { $0 += 1 } }
    }

    func rollback() { base.rollback() }
    func serverTime() throws -> Timestamp { try base.serverTime() }
    func inspect() throws -> DatabaseIdentity { try base.inspect() }
    func claim() throws { try base.claim() }
    func close() { base.close() }

    func waitForNotification(upTo limit: Duration) throws -> Bool? {
        let end = ContinuousClock.now + limit
        while ContinuousClock.now < end {
            let count = bell.rings.value
            if count != heard {
                heard = count
                return true
            }
            _ = DispatchGate().wait(milliseconds: 5)
        }
        return false
    }
}
