import ClusterCore
import DatabaseServers
import Foundation
import SQLDriverTestKit
import StoragePostgres
import StorageSQL
import Testing

@Suite("PostgreSQL: limits and errors", .serialized)
struct PostgresErrorTests {
    /// Runs `body` on a connection to an empty database, and another one for whoever stands in the way.
    private func withConnections(
        statement: Duration = .seconds(10), lock: Duration = .seconds(3),
        _ body: @escaping @Sendable (_ connection: any SQLConnection, _ other: any SQLConnection) throws -> Void
    ) async throws {
        let url = try await TestDatabase.make(.postgres).url()
        try await onBlockingThread("case") {
            let connection = try Postgres.connect(url, Postgres.options(statement: statement, lock: lock))
            let other = try Postgres.connect(url)
            defer { for open in [connection, other] { open.close() } }
            try body(connection, other)
        }
    }

    private func code(_ body: () throws -> Void) -> StorageError.Code? {
        do { try body() } catch { return (error as? StorageError)?.code }
        return nil
    }

    @Test("a statement that takes too long is stopped, and the connection goes on")
    func statementLimit() async throws {
        try await withConnections(statement: .milliseconds(300)) { connection, _ in
            let start = ContinuousClock.now
            #expect(code { _ = try connection.rows("SELECT pg_sleep(20)") } == .timeout)
            #expect(ContinuousClock.now - start < .seconds(5))
            #expect(connection.isUsable)
            let rows = try connection.rows("SELECT 1::bigint")
            #expect(rows == [[.integer(1)]])
        }
    }

    @Test("a row that another transaction holds is waited for as long as was stated")
    func lockLimit() async throws {
        try await withConnections(lock: .milliseconds(200)) { connection, other in
            try other.execute("CREATE TABLE t (id BIGINT PRIMARY KEY)")
            try other.begin(.write)
            try other.execute("INSERT INTO t VALUES (1)")
            let start = ContinuousClock.now
            #expect(code { try connection.execute("INSERT INTO t VALUES (1)") } == .busy)
            #expect(ContinuousClock.now - start < .seconds(5))
            other.rollback()
            try connection.execute("INSERT INTO t VALUES (1)")
        }
    }

    @Test("a transaction whose client says nothing for too long is ended by the server")
    func idleLimit() async throws {
        try await withConnections(statement: .milliseconds(200)) { connection, other in
            try other.execute("CREATE TABLE t (id BIGINT PRIMARY KEY)")
            try connection.begin(.write)
            try connection.execute("INSERT INTO t VALUES (1)")
            Thread.sleep(forTimeInterval: 1.5)
            try other.execute("INSERT INTO t VALUES (1)")
            #expect(code { try connection.execute("INSERT INTO t VALUES (2)") } == .connectionLost)
            #expect(!connection.isUsable)
        }
    }

    @Test("what the user may not do is told as such, and a statement within another one is misuse")
    func refusals() async throws {
        try await withConnections { connection, _ in
            #expect(code { _ = try connection.rows("SELECT rolpassword FROM pg_authid") } == .permission)
            var nested: StorageError?
            do {
                try connection.query("SELECT generate_series(1, 3)::bigint", []) { _ in
                    _ = try connection.rows("SELECT 1::bigint")
                }
            } catch let error as StorageError {
                nested = error
            }
            #expect(nested?.code == .misuse, "\(nested?.description ?? "it went well")")
            let rows = try connection.rows("SELECT 2::bigint")
            #expect(rows == [[.integer(2)]])
        }
    }

    @Test("a value of the wrong type in a column is told as such")
    func wrongType() async throws {
        let database = try await TestDatabase.make(.postgres)
        let backend = try await database.openWithCluster()
        try await onBlockingThread("alter") {
            let connection = try database.connect()
            try connection.execute("ALTER TABLE revision ALTER COLUMN number TYPE TEXT USING 'many'")
            connection.close()
        }
        let error = await failure { try await backend.read { try $0.config.revision() } }
        #expect(error?.code == .malformedRow, "\(error.map { "\($0)" } ?? "it was read")")
        await backend.close()
    }

    @Test("many rows are read one by one, whatever their number")
    func streaming() async throws {
        try await withConnections { connection, _ in
            func residentKilobytes() throws -> Int {
                let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
                let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
                return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
            }
            var count = 0
            var most = 0
            let start = try residentKilobytes()
            let statement = "SELECT i, repeat('x', 1000) FROM generate_series(1, 100000) AS i"
            try connection.query(statement, []) { _ in
                count += 1
                if count.isMultiple(of: 10_000) { most = max(most, try residentKilobytes()) }
            }
            #expect(count == 100_000)
            // All of them together have 100 MB.
            #expect(most - start < 30_000, "\(most - start) KB")
        }
    }

    @Test(
        "a server that closes in the middle of a row is a lost connection, wherever it closes", arguments: [1, 40, 700])
    func truncated(bytes: Int) async throws {
        let database = try await TestDatabase.make(.postgres)
        try await onBlockingThread("case") {
            let proxy = try FaultProxy(to: try Servers.port(.postgres))
            defer { proxy.close() }
            let connection = try Postgres.connect(try database.url(port: proxy.port))
            defer { connection.close() }
            let statement = "SELECT i, repeat('s3cret', 20) FROM generate_series(1::bigint, 10) AS i"
            #expect(try connection.rows(statement).count == 10)
            proxy.arm(.afterAnswer(bytes: bytes))
            var rows = 0
            let start = ContinuousClock.now
            var lost: StorageError?
            do {
                try connection.query(statement, []) { _ in rows += 1 }
            } catch let error as StorageError {
                lost = error
            }
            #expect(lost?.code == .connectionLost)
            #expect(lost.map { "\($0)" }?.contains("s3cret") == false)
            #expect(rows < 10 && !connection.isUsable)
            #expect(ContinuousClock.now - start < .seconds(5))
        }
    }

    @Test("what is prepared is bounded, whatever the statements and the types of their values")
    func cache() async throws {
        try await withConnections { connection, _ in
            try connection.execute("CREATE TABLE t (a BIGINT, b TEXT)")
            for values: [SQLValue] in [
                [.null, .null], [.integer(1), .null], [.null, .text("x")], [.integer(2), .text("y")],
            ]
                + Array(repeating: [.null, .null], count: 20)
            {
                try connection.execute("INSERT INTO t (a, b) VALUES (?, ?)", values)
            }
            let mine = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'INSERT INTO t%'"
            #expect(try connection.rows(mine) == [[.integer(1)]])
            for number in 1...600 { _ = try connection.rows("SELECT \(number) + ?::bigint", [.integer(1)]) }
            guard
                case .integer(let count)? = try connection.rows("SELECT count(*) FROM pg_prepared_statements").first?
                    .first
            else { throw ServerFailure("no count") }
            #expect(count <= 257)
            #expect(try connection.rows("SELECT count(*) FROM t") == [[.integer(24)]])
        }
    }

    @Test("a statement that fails while it is prepared for the first time does no harm later")
    func firstFailure() async throws {
        try await withConnections { connection, _ in
            try connection.execute("CREATE TABLE t (id BIGINT PRIMARY KEY)")
            let insert = "INSERT INTO t (id) VALUES (?)"
            try connection.begin(.write)
            #expect(code { try connection.execute(insert, [.text("no number")]) } == .failed)
            #expect(code { try connection.execute("SELECT nothing FROM t") } != nil)
            connection.rollback()
            try connection.begin(.write)
            try connection.execute(insert, [.integer(1)])
            try connection.commit()
            #expect(code { try connection.execute(insert, [.integer(1)]) } == .constraint("t_pkey"))
            #expect(try connection.rows("SELECT id FROM t") == [[.integer(1)]])
        }
    }

    @Test("a connection that only reads keeps one state for a transaction, writes nothing, and leaves none open")
    func readers() async throws {
        let address = try #require(try PostgresAddress(url: try await TestDatabase.make(.postgres).url()))
        try await onBlockingThread("case") {
            let writer = try PostgresBackend.connect(address, options: Postgres.options())
            let reader = try PostgresBackend.connect(address, options: Postgres.options(), mode: .read)
            defer { for open in [reader, writer] { open.close() } }
            try writer.execute("CREATE TABLE t (id BIGINT PRIMARY KEY)")
            let count = "SELECT count(*) FROM t"
            let idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start < now()"
            for round: Int64 in 0..<5 {
                try reader.begin(.read)
                let before = try reader.rows(count)
                try writer.execute("INSERT INTO t VALUES (?)", [.integer(round)])
                let after = try reader.rows(count)
                #expect(before == [[.integer(round)]] && after == before)
                #expect(code { try reader.execute("INSERT INTO t VALUES (?)", [.integer(99)]) } == .misuse)
                #expect(code { _ = try reader.rows(count) } == .failed)
                reader.rollback()
                try reader.begin(.read)
                #expect(code { _ = try reader.rows("SELECT 1 / (SELECT count(*) FROM t WHERE id < 0)") } == .invalid)
                try reader.commit()
                #expect(code { try reader.begin(.write) } == .misuse)
                try reader.begin(.read)
                try reader.commit()
            }
            let open = try reader.rows(idle)
            #expect(open == [[.integer(0)]])
            try writer.execute("DROP TABLE t")
        }
    }
}
