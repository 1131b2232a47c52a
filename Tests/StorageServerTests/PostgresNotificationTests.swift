import ClusterCore
import DatabaseServers
import StoragePostgres
import StorageSQL
import Synchronization
import Testing

@Suite("PostgreSQL: notifications", .serialized)
struct PostgresNotificationTests {
    /// When the watch first saw each revision.
    private final class Seen: Sendable {
        private let instants = Mutex<[UInt64: ContinuousClock.Instant]>([:])

        func note(_ number: UInt64) {
            instants.withLock { if $0[number] == nil { $0[number] = .now } }
        }

        /// When a revision was seen; `nil` when it was not within a while.
        func instant(of number: UInt64) async throws -> ContinuousClock.Instant? {
            for _ in 0..<800 {
                if let instant = instants.withLock({ $0[number] }) { return instant }
                try await Task.sleep(for: .milliseconds(5))
            }
            return nil
        }
    }

    @Test("a change wakes a watch at once, also after its connection was lost")
    func wakes() async throws {
        let database = try await TestDatabase.make(.postgres)
        let writer = try await database.openWithCluster()
        let watcher = try await database.open(.existing)
        let seen = Seen()
        let task = Task {
            // Polling alone would take a second on average.
            for await revision in watcher.watch(every: .seconds(2)).changes { seen.note(UInt64(revision.number)) }
        }
        defer { task.cancel() }
        let first = UInt64(try await writer.read { try $0.config.revision().number })
        #expect(try await seen.instant(of: first) != nil)

        var latencies: [Duration] = []
        for number: UInt64 in 1...12 {
            // The watch goes back to listening after each look.
            try await Task.sleep(for: .milliseconds(50))
            let user = sampleUser(number, name: "user\(number)")
            try await writer.write { writer in try writer.change(by: .test) { _ = try $0.add(user) } }
            let committed = ContinuousClock.now
            let instant = try #require(try await seen.instant(of: first + number), "change \(number) was not seen")
            latencies.append(instant - committed)
            if number == 6 {
                try await onBlockingThread("end") {
                    let name = database.name
                    try Servers.server(.postgres).run(
                        sql: "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(name)'")
                }
            }
        }
        latencies.sort()
        #expect(latencies[latencies.count / 2] < .milliseconds(50), "\(latencies)")
        await watcher.close()
        await writer.close()
    }

    @Test("what others notify of wakes nobody else, whatever the words")
    func foreign() async throws {
        let database = try await TestDatabase.make(.postgres)
        let other = try await TestDatabase.make(.postgres)
        try await onBlockingThread("case") {
            let (listener, speaker, stranger) = (try database.connect(), try database.connect(), try other.connect())
            defer { for open in [listener, speaker, stranger] { open.close() } }
            #expect(try listener.waitForNotification(upTo: .milliseconds(10)) == true, "one may have come before")
            #expect(try listener.waitForNotification(upTo: .milliseconds(50)) == false)
            try speaker.execute("SELECT pg_notify('else', repeat('x', 7000))")
            let announcement = try #require(speaker.dialect.announcement)
            try stranger.execute(announcement)
            #expect(try listener.waitForNotification(upTo: .milliseconds(200)) == false)
            try speaker.execute("SELECT pg_notify('asnode_' || md5(current_schema()), repeat('\u{1b}[31m%s;', 500))")
            #expect(try listener.waitForNotification(upTo: .seconds(5)) == true)
            // One that comes while a statement runs is told afterwards.
            try speaker.execute(announcement)
            _ = try listener.rows("SELECT pg_sleep(0.2)")
            #expect(try listener.waitForNotification(upTo: .zero) == true)
            #expect(try listener.waitForNotification(upTo: .zero) == false)
        }
    }
}
