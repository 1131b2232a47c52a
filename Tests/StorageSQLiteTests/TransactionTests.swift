import ClusterCore
import Foundation
import StorageSQL
import StorageSQLite
import Synchronization
import Testing

@Suite("Transactions on SQLite")
struct TransactionTests {
    private struct Refused: Error {}

    /// Breaks the rule that nothing may leave a body; one task uses it at a time.
    private final class Kept: @unchecked Sendable {
        var accounts: (any AccountReader)?
    }

    @Test("what a body wrote is there after it, for this backend and for one opened later")
    func durable() async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        let user = sampleUser(5, name: "alice")
        let stored = try await backend.write { try $0.change(by: .test) { try $0.add(user) } }
        #expect(stored.version == 1)
        #expect(try await backend.read { try $0.accounts.user(user.id) } == stored)
        await backend.close()
        let again = try await store.open(.existing)
        #expect(try await again.read { try $0.accounts.user(named: "alice") } == stored)
        await again.close()
    }

    @Test("a body that throws writes nothing, not even what it wrote before")
    func atomic() async throws {
        let backend = try await TestStore().openWithCluster()
        let before = try await backend.read { try $0.config.revision() }
        await #expect(throws: Refused.self) {
            try await backend.write { writer in
                try writer.change(by: .test) { try $0.add(sampleUser(5, name: "alice")) }
                throw Refused()
            }
        }
        #expect(try await backend.read { try $0.accounts.userCount() } == 0)
        #expect(try await backend.read { try $0.config.revision() } == before)
        await backend.close()
    }

    @Test("a change that throws cannot be committed, even if the body swallows its error")
    func swallowedFailure() async throws {
        let backend = try await TestStore().openWithCluster()
        await #expect(throws: Refused.self) {
            try await backend.write { writer in
                try? writer.change(by: .test) { change in
                    try change.add(sampleUser(5, name: "alice"))
                    throw Refused()
                }
            }
        }
        #expect(try await backend.read { try $0.accounts.userCount() } == 0)
        await backend.close()
    }

    @Test("a failed statement loses its transaction, even if the body swallows the error")
    func swallowedStatement() async throws {
        let backend = try await TestStore().openWithCluster()
        let code = await failureCode {
            try await backend.write { writer in
                try writer.change(by: .test) { change in
                    try change.add(sampleUser(5, name: "alice"))
                    _ = try? change.add(sampleUser(6, name: "alice"))
                }
            }
        }
        #expect(code == .constraint("user.name"))
        #expect(try await backend.read { try $0.accounts.userCount() } == 0)
        await backend.close()
    }

    @Test("a body that reads more than once is run anew, in a transaction; one that reads once is not")
    func runsAnew() async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        let runs = Mutex(0)
        _ = try await backend.read { reader in
            runs.withLock { $0 += 1 }
            return try reader.accounts.userCount()
        }
        #expect(runs.withLock { $0 } == 1)
        let counts = try await backend.read { reader in
            runs.withLock { $0 += 1 }
            // Swallowed or not, that the second statement was refused is noticed.
            let first = try reader.accounts.userCount()
            return [first, (try? reader.accounts.userCount()) ?? -1, (try? reader.accounts.userCount()) ?? -1]
        }
        #expect(counts == [0, 0, 0])
        #expect(runs.withLock { $0 } == 3)
        await backend.close()
    }

    @Test("a reader keeps its state of the store while others write")
    func isolation() async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        let other = try await store.open(.existing)
        let begun = DispatchGate()
        let written = DispatchGate()
        let reading = Task {
            try await backend.read { reader in
                // Up to its second statement a body has no transaction.
                let first = (try reader.config.revision(), try reader.accounts.userCount())
                begun.open()
                written.wait()
                return (first.1, try reader.accounts.userCount())
            }
        }
        await begun.waitAsync()
        try await other.write { try $0.change(by: .test) { _ = try $0.add(sampleUser(5, name: "alice")) } }
        written.open()
        let counts = try await reading.value
        #expect(counts == (0, 0))
        #expect(try await backend.read { try $0.accounts.userCount() } == 1)
        await backend.close()
        await other.close()
    }

    @Test("what a body kept of its transaction is of no use later")
    func escaped() async throws {
        let backend = try await TestStore().openWithCluster()
        let kept = Kept()
        try await backend.read { kept.accounts = $0.accounts }
        let code = await failureCode { try kept.accounts?.userCount() }
        #expect(code == .misuse)
        await backend.close()
    }

    @Test("a change within a change is refused")
    func nested() async throws {
        let backend = try await TestStore().openWithCluster()
        let code = await failureCode {
            try await backend.write { writer in
                try writer.change(by: .test) { _ in try writer.change(by: .test) { _ in } }
            }
        }
        #expect(code == .misuse)
        await backend.close()
    }

    @Test("two backends on one file count every one of their increments", .timeLimit(.minutes(2)))
    func contention() async throws {
        let store = try TestStore()
        let first = try await store.openWithCluster()
        let second = try await store.open(.existing)
        let user = sampleUser(5, name: "alice")
        try await first.write { try $0.change(by: .test) { _ = try $0.add(user) } }
        let now = store.environment.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<40 {
                let backend = index.isMultiple(of: 2) ? first : second
                group.addTask {
                    try await backend.write { writer in
                        var failures =
                            try writer.accounts.loginFailures(of: user.id)
                            ?? LoginFailures(user: user.id, count: 0, firstAt: now, lastAt: now)
                        failures.count += 1
                        try writer.accounts.record(failures)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await second.read { try $0.accounts.loginFailures(of: user.id)?.count } == 40)
        await first.close()
        await second.close()
    }

    @Test("a writer that holds the file for too long makes others give up with busy, within a bounded time")
    func busy() async throws {
        let store = try TestStore()
        let first = try await store.openWithCluster()
        let impatient = try await SQLiteBackend.open(
            store.path, mode: .existing, options: store.options(retry: RetryPolicy(tries: 2)))
        let begun = DispatchGate()
        let done = DispatchGate()
        let holding = Task {
            try await first.write { _ in
                begun.open()
                done.wait()
            }
        }
        await begun.waitAsync()
        let start = ContinuousClock.now
        #expect(await failureCode { try await impatient.write { _ = try $0.now() } } == .busy)
        #expect(ContinuousClock.now - start < .seconds(10))
        done.open()
        try await holding.value
        try await impatient.write { _ = try $0.now() }
        await first.close()
        await impatient.close()
    }

    @Test("another process that writes for a while is waited for, and what it wrote is seen")
    func otherProcess() async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", Self.slowWriter, store.path]
        process.standardOutput = output
        try process.run()
        let ready = try await onBlockingThread("ready") { output.fileHandleForReading.availableData }
        #expect(!ready.isEmpty)
        let values = try await backend.write { writer in
            try writer.change(by: .test) { change in
                try change.set("hold-tun", to: "true")
                return try change.reader.nodes.nodes().map(\.name)
            }
        }
        #expect(values == ["other"])
        await backend.close()
        try await onBlockingThread("exit") { process.waitUntilExit() }
        #expect(process.terminationStatus == 0)
    }

    private static let slowWriter = """
        import sqlite3, sys, time
        database = sqlite3.connect(sys.argv[1], isolation_level=None)
        database.execute("BEGIN IMMEDIATE")
        columns = "id, name, live_name, hostname, software_version, state, epoch, generation, created_at, started_at"
        row = (bytes(16), "other", "other", "h", "1", "active", 0, 0, 0, 0, 0)
        database.execute(f"INSERT INTO nodes ({columns}, last_seen_at) VALUES ({','.join('?' * 11)})", row)
        print("begun", flush=True)
        time.sleep(0.8)
        database.execute("COMMIT")
        """

    @Test("after close calls are refused, and what is under way is finished first")
    func closing() async throws {
        let backend = try await TestStore().openWithCluster()
        let begun = DispatchGate()
        let done = DispatchGate()
        let writing = Task {
            try await backend.write { writer in
                begun.open()
                done.wait()
                try writer.change(by: .test) { _ = try $0.add(sampleUser(5, name: "alice")) }
            }
        }
        await begun.waitAsync()
        async let closing: Void = backend.close()
        done.open()
        await closing
        try await writing.value
        #expect(await failureCode { try await backend.read { try $0.now() } } == .closed)
        #expect(await failureCode { try await backend.write { try $0.now() } } == .closed)
        await backend.close()
    }

    @Test("a task that was cancelled begins no transaction")
    func cancelled() async throws {
        let backend = try await TestStore().openWithCluster()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await backend.write { try $0.change(by: .test) { _ = try $0.add(sampleUser(5, name: "alice")) } }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await backend.read { try $0.accounts.userCount() } == 0)
        await backend.close()
    }
}
