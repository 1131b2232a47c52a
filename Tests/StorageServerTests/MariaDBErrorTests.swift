import ClusterCore
import DatabaseServers
import Foundation
import SQLDriverTestKit
import StorageMySQL
import StorageSQL
import Testing

/// What goes wrong on a server of the MySQL family, provoked.
@Suite("MariaDB when things go wrong", .serialized)
struct MariaDBErrorTests {
    /// A server with room for few connections, which tests may pause.
    private static let small = Result {
        try MariaDBServer(options: ["--max-connections=10"])
    }

    private static func options(statement: Duration = .seconds(10), lock: Duration = .seconds(3)) -> MySQLOptions {
        MySQLOptions(authenticator: TestKey.authenticator, statementTimeout: statement, lockTimeout: lock)
    }

    private func connect(
        _ url: String, statement: Duration = .seconds(10), lock: Duration = .seconds(3)
    ) throws
        -> any SQLConnection
    {
        let address = try #require(try MySQLAddress(url: url))
        return try MySQLBackend.connect(address, options: Self.options(statement: statement, lock: lock))
    }

    private func code(_ body: () throws -> Void) -> StorageError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? StorageError)?.code
        }
    }

    @Test("a row that stays locked is told as busy within its time, and the transaction cannot be committed")
    func lockTimeout() async throws {
        let database = try await TestDatabase.make(.mariadb)
        try await onBlockingThread("lock") {
            let holder = try database.connect()
            let waiter = try connect(try database.url(), lock: .seconds(1))
            defer { for connection in [holder, waiter] { connection.close() } }
            try holder.execute("CREATE TABLE t (id INT PRIMARY KEY, value INT)")
            try holder.execute("INSERT INTO t VALUES (1, 0), (2, 0)")
            try holder.begin(.write)
            try holder.execute("UPDATE t SET value = 1 WHERE id = 1")
            try waiter.begin(.write)
            try waiter.execute("UPDATE t SET value = 2 WHERE id = 2")
            let start = ContinuousClock.now
            #expect(code { try waiter.execute("UPDATE t SET value = 2 WHERE id = 1") } == .busy)
            #expect(ContinuousClock.now - start < .seconds(3))
            #expect(code { try waiter.execute("UPDATE t SET value = 3 WHERE id = 2") } == .busy)
            #expect(code { try waiter.commit() } == .busy)
            waiter.rollback()
            try holder.commit()
            #expect(try waiter.rows("SELECT value FROM t ORDER BY id") == [[.integer(1)], [.integer(0)]])
        }
    }

    @Test("a statement that takes too long is stopped on the server, and the connection goes on")
    func statementTimeout() async throws {
        let database = try await TestDatabase.make(.mariadb)
        try await onBlockingThread("slow") {
            let connection = try connect(try database.url(), statement: .seconds(1))
            defer { connection.close() }
            let slow = "SELECT COUNT(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b WHERE a.seq * b.seq % 7 = 3"
            let start = ContinuousClock.now
            #expect(code { _ = try connection.rows(slow) } == .timeout)
            #expect(ContinuousClock.now - start < .seconds(3))
            // Without the server's own limit it is stopped from here.
            try connection.execute("SET SESSION max_statement_time = 0")
            let second = ContinuousClock.now
            #expect(code { _ = try connection.rows(slow) } == .timeout)
            #expect(ContinuousClock.now - second < .seconds(4))
            #expect(try connection.rows("SELECT 1") == [[.integer(1)]])
            let running = try Servers.server(.mariadb).run(sql: "SHOW PROCESSLIST")
            #expect(!running.contains("seq_1_to"))
        }
    }

    @Test("a server that stops answering is given up within its time; a commit then is unknown")
    func silent() async throws {
        try await onBlockingThread("silent") {
            let server = try Self.small.get()
            try server.createDatabase("kit_silent")
            let url = server.url(database: "kit_silent")
            try server.run(sql: "CREATE TABLE t (id INT PRIMARY KEY)", in: "kit_silent")
            for commits in [false, true] {
                let connection = try connect(url, statement: .seconds(1))
                defer { connection.close() }
                try connection.begin(.write)
                try connection.execute("INSERT INTO t VALUES (1)")
                server.process.pause()
                let start = ContinuousClock.now
                let told = code {
                    if commits { try connection.commit() } else { _ = try connection.rows("SELECT id FROM t") }
                }
                server.process.resume()
                #expect(told == (commits ? .commitUnknown : .connectionLost))
                #expect(ContinuousClock.now - start < .seconds(5))
                #expect(!connection.isUsable)
                connection.rollback()
            }
        }
    }

    @Test("a server that sends a byte now and then is given up within its time")
    func trickle() async throws {
        let server = try TrickleServer(greeting: [0x4a, 0, 0, 0, 0x0a] + Array("5.5.5-10.6.0-MariaDB".utf8))
        defer { server.close() }
        let start = ContinuousClock.now
        let error = await failure {
            try await onBlockingThread("trickle") {
                _ = try connect("mysql://tester:s3cret@127.0.0.1:\(server.port)/kit?connect-timeout=2")
            }
        }
        #expect(error?.code == .timeout)
        #expect(error.map { "\($0)" }?.contains("s3cret") == false)
        #expect(ContinuousClock.now - start < .seconds(4))
    }

    @Test("a disk without room is told as such, and nothing of the transaction is there")
    func outOfSpace() async throws {
        let database = try await TestDatabase.make(.mariadb)
        try await onBlockingThread("full") {
            let server = try Servers.server(.mariadb)
            let disk = "\(server.directory.path)/small"
            try Programs.run(
                "bash", ["-ec", "mkdir \"$1\"; mount -t tmpfs -o size=6m,mode=777 small \"$1\"", "bash", disk])
            // The server has its file open, so the disk stays as long as that.
            defer { _ = try? Programs.run("umount", ["--lazy", disk]) }
            try server.run(
                sql: "CREATE TABLE t (id INT PRIMARY KEY, data VARBINARY(4000)) DATA DIRECTORY = '\(disk)'",
                in: database.name)
            let connection = try connect(try database.url())
            defer { connection.close() }
            try connection.begin(.write)
            let told = code {
                for id: Int64 in 1...5000 {
                    let data = [UInt8](repeating: 7, count: 4000)
                    try connection.execute("INSERT INTO t VALUES (?, ?)", [.integer(id), .blob(data)])
                }
            }
            connection.rollback()
            #expect(told == .outOfSpace)
            #expect(try connection.rows("SELECT COUNT(*) FROM t") == [[.integer(0)]])
            try connection.execute("DROP TABLE t")
        }
    }

    @Test("a server that has no room for more connections is told as such")
    func tooManyConnections() async throws {
        try await onBlockingThread("many") {
            let server = try Self.small.get()
            var open: [any SQLConnection] = []
            defer { for connection in open { connection.close() } }
            let told = code {
                for _ in 0..<20 { open.append(try connect(server.url(database: "kit"))) }
            }
            #expect(told == .unavailable)
            #expect((5...11).contains(open.count))
        }
    }

    @Test("a value of another type than ours in a column is told as a malformed row")
    func wrongType() async throws {
        let database = try await TestDatabase.make(.mariadb)
        let backend = try await database.openWithCluster()
        #expect(try await backend.read { try $0.config.revision().number } == 1)
        for (type, value) in [
            ("VARCHAR(20)", "'many'"), ("DOUBLE", "1.5"), ("DATETIME", "'2026-01-01'"), ("INT", "NULL"),
            ("BIGINT UNSIGNED", "18446744073709551615"),
        ] {
            try await onBlockingThread("alter") {
                _ = try Servers.server(.mariadb).run(
                    sql: "ALTER TABLE revision DROP COLUMN number; "
                        + "ALTER TABLE revision ADD COLUMN number \(type) NULL; "
                        + "UPDATE revision SET number = \(value)", in: database.name)
            }
            let error = await failure { try await backend.read { _ = try $0.config.revision() } }
            #expect(error?.code == .malformedRow, "\(type): \(error.map { "\($0)" } ?? "it was read")")
        }
        await backend.close()
    }

    @Test("columns of every type can be read, each as one of ours")
    func types() async throws {
        let database = try await TestDatabase.make(.mariadb)
        try await onBlockingThread("types") {
            let connection = try database.connect()
            defer { connection.close() }
            let row = try connection.rows(
                """
                SELECT 18446744073709551615, CAST(1.5 AS DECIMAL(5,2)), CAST('2026-01-02 03:04:05.000006' AS DATETIME(6)),
                1.5e0, b'101', NULL, CAST(-1 AS SIGNED), 'ä', x'00ff', CAST('{"a": 1}' AS CHAR), TRUE
                """)
            #expect(
                row == [
                    [
                        .text("18446744073709551615"), .text("1.50"), .text("2026-01-02 03:04:05.000006"), .real(1.5),
                        .blob([5]), .null, .integer(-1), .text("ä"), .blob([0, 255]), .text("{\"a\": 1}"), .integer(1),
                    ]
                ])
        }
    }
}
