import DatabaseServers
import SQLDriverTestKit
import StorageSQL
import StorageTestKit
import Synchronization
import Testing

@Suite("Backends", .serialized)
struct ConformanceTests {
    @Test("SQLite does what every backend does", arguments: cases(of: SQLiteUnderTest.backend()))
    func sqlite(_ testCase: ConformanceCase) async throws {
        try await testCase.run(on: SQLiteUnderTest.backend())
    }

    @Test(
        "SQLite does what every driver does, whatever prefix the tables of the cases have", arguments: ["kit_", "x9_"])
    func sqliteDriver(prefix: String) async throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let (report, left) = try await onBlockingThread("cases") {
            let driver = try SQLiteUnderTest.driver(in: directory)
            let report = DriverConformance.run(on: driver.naming(tables: prefix))
            return (report, try driver.open().rows("SELECT name FROM sqlite_master"))
        }
        for failure in report.failures { Issue.record("\(failure.line)") }
        #expect(report.passed >= DriverConformance.cases(having: [.ownDatabase]).count)
        #expect(left.isEmpty, "tables were left behind")
    }

    @Test("MariaDB does what every backend does")
    func mariadb() async throws { try await run(on: { try ServerUnderTest.mariadb.get() }) }

    @Test("PostgreSQL does what every backend does")
    func postgres() async throws { try await run(on: { try ServerUnderTest.postgres.get() }) }

    @Test("Galera does what every backend does, through three servers of which one is killed and comes back")
    func galera() async throws {
        let cluster = try await onBlockingThread("galera") { try GaleraCluster() }
        let done = Mutex(0)
        let comeback = Mutex<Task<Void, any Error>?>(nil)
        let disturb: @Sendable () -> Void = {
            let count = done.withLock { count in
                count += 1
                return count
            }
            // Not between two cases but in the middle of one.
            if count == 8 {
                Task.detached {
                    try await Task.sleep(for: .milliseconds(300))
                    cluster.servers[2].process.kill()
                }
            }
            if count == 30 {
                let task = Task.detached {
                    try await onBlockingThread("return") { try cluster.servers[2].start() }
                }
                comeback.withLock { $0 = task }
            }
        }
        try await run(on: { ServerUnderTest(cluster.servers, []) }, each: disturb)
        let task = try #require(comeback.withLock { $0 }, "there were too few cases")
        try await task.value
        try await onBlockingThread("stop") { for server in cluster.servers { server.stop() } }
    }

    /// Runs every case that the servers are up to, and tells each one that failed.
    private func run(
        on make: @escaping @Sendable () throws -> ServerUnderTest, each: @escaping @Sendable () -> Void = {}
    ) async throws {
        let server = try await onBlockingThread("servers") { try make() }
        let report = await StorageConformance.run(on: server.backend) { result in
            print(result.line)
            each()
        }
        for failure in report.failures { Issue.record("\(failure.line)") }
        #expect(report.passed > 50)
    }
}

private func cases(of backend: BackendUnderTest) -> [ConformanceCase] {
    StorageConformance.cases(supporting: backend.capabilities)
}
