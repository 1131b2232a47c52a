import ClusterCore
import DatabaseServers
import Foundation
import StoragePostgres
import StorageSQL
import Testing

/// Servers that are changed, so that other tests do not use them.
@Suite("PostgreSQL: servers in trouble", .serialized)
struct PostgresServerTests {
    /// A server with few connections.
    private static let shared = Result { try PostgresServer(options: ["max_connections=9"]) }

    private func server() async throws -> PostgresServer {
        try await onBlockingThread("server") { try Self.shared.get() }
    }

    private func code(_ body: () throws -> Void) -> StorageError.Code? {
        do { try body() } catch { return (error as? StorageError)?.code }
        return nil
    }

    private func addUser(_ number: UInt64, to backend: SQLBackend) async throws {
        let user = sampleUser(number, name: "user\(number)")
        try await backend.write { writer in try writer.change(by: .test) { _ = try $0.add(user) } }
    }

    private func makeCluster(in backend: SQLBackend) async throws {
        let cluster = ClusterInfo(
            id: TestKey.clusterID, lineage: sample(2), createdAt: Timestamp(seconds: 1_800_000_000))
        try await backend.write { writer in try writer.change(by: .test) { try $0.createCluster(cluster) } }
    }

    @Test("too many connections are told as such, at once")
    func tooMany() async throws {
        let server = try await server()
        let url = try await Postgres.makeDatabase(on: server, "crowded")
        try await onBlockingThread("case") {
            var open: [any SQLConnection] = []
            defer { for connection in open { connection.close() } }
            let start = ContinuousClock.now
            let error = Result { for _ in 0..<12 { open.append(try Postgres.connect(url)) } }
            #expect(open.count > 1)
            #expect(code { try error.get() } == .unavailable)
            #expect("\(error)".contains("53300") && "\(error)".contains("max_connections"))
            #expect(ContinuousClock.now - start < .seconds(10))
        }
    }

    @Test("a full disk is told as such, and written to again when there is room")
    func fullDisk() async throws {
        let server = try await server()
        _ = try await Postgres.makeDatabase(on: server, "kitfull")
        try await onBlockingThread("case") {
            let small = "\(server.directory.path)/small"
            try Programs.run("mkdir", [small])
            try Programs.run("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", small])
            defer { _ = try? Programs.run("umount", ["--lazy", small]) }
            try Programs.run("chown", ["postgres:", small])
            try server.run(sql: "CREATE TABLESPACE small LOCATION '\(small)'")
            try server.run(
                sql: """
                    CREATE TABLE t (id BIGINT PRIMARY KEY, value BYTEA) TABLESPACE small;
                    ALTER TABLE t ALTER value SET STORAGE EXTERNAL; ALTER TABLE t OWNER TO tester
                    """, in: "kitfull")
            let connection = try Postgres.connect(server.url(database: "kitfull"))
            defer { connection.close() }
            let large = SQLValue.blob([UInt8](repeating: 7, count: 1_000_000))
            let error = code {
                for id: Int64 in 1...8 { try connection.execute("INSERT INTO t VALUES (?, ?)", [.integer(id), large]) }
            }
            #expect(error == .outOfSpace)
            #expect(connection.isUsable)
            try Programs.run("mount", ["-o", "remount,size=64m", small])
            try connection.execute("INSERT INTO t VALUES (?, ?)", [.integer(9), large])
            try connection.execute("DROP TABLE t")
            try server.run(sql: "DROP TABLESPACE small")
        }
    }

    @Test("a server that was told to take no writes is told as such, and written to again when it does")
    func readOnly() async throws {
        let server = try await server()
        let url = try await Postgres.makeDatabase(on: server, "readonly")
        var options = Postgres.options()
        options.readers = 1
        options.writers = 1
        let backend = try await Postgres.open(url, .create, options)
        try await makeCluster(in: backend)
        func set(_ value: String) async throws {
            try await onBlockingThread("set") {
                try server.run(sql: "ALTER SYSTEM SET default_transaction_read_only = \(value)")
                try server.run(sql: "SELECT pg_reload_conf()")
                try server.waitUntil { try server.run(sql: "SHOW default_transaction_read_only") == "\(value)\n" }
            }
        }
        try await set("on")
        options.retry = RetryPolicy(tries: 3, retriesReadOnly: true)
        let impatient = try await Postgres.open(url, .existing, options)
        #expect(await failure { try await addUser(1, to: impatient) }?.code == .readOnly)
        await impatient.close()
        let picky = await Postgres.attempt(url + "&target_session_attrs=read-write")
        #expect(picky.error?.code == .readOnly, "\(picky)")
        async let written: Void = addUser(2, to: backend)
        try await Task.sleep(for: .milliseconds(500))
        try await set("off")
        try await written
        #expect(try await backend.read { try $0.accounts.userCount() } == 1)
        await backend.close()
    }

    @Test("a server that falls silent is given up in time, and so is the wish to stop a statement")
    func silent() async throws {
        let server = try await server()
        let url = try await Postgres.makeDatabase(on: server, "silent")
        try await onBlockingThread("case") {
            let connection = try Postgres.connect(url, Postgres.options(statement: .seconds(1)))
            let sleeper = try Postgres.connect(url)
            defer { for open in [connection, sleeper] { open.close() } }
            _ = try connection.rows("SELECT 1")
            server.process.pause()
            var start = ContinuousClock.now
            let error = code { _ = try connection.rows("SELECT 1") }
            server.process.resume()
            #expect(error == .timeout)
            #expect(ContinuousClock.now - start < .seconds(6))
            #expect(!connection.isUsable)
            let stop = try #require(sleeper.canceller)
            let stopper = Thread {
                Thread.sleep(forTimeInterval: 0.5)
                server.process.pause()
                stop.cancel()
                server.process.resume()
            }
            start = ContinuousClock.now
            stopper.start()
            _ = try? sleeper.rows("SELECT pg_sleep(20)")
            #expect(ContinuousClock.now - start < .seconds(10))
            #expect(!sleeper.isUsable, "the wish may still be on its way")
        }
    }

    @Test("when the primary dies, its standby is written to as soon as it is promoted; dead hosts cost no time again")
    func failover() async throws {
        let (primary, standby) = try await onBlockingThread("pair") {
            let primary = try PostgresServer(certificate: nil)
            return (primary, try PostgresServer(standbyOf: primary))
        }
        _ = try await Postgres.makeDatabase(on: primary)
        let account = "tester:\(TestAccount.encodedPassword)"
        let both = "postgres://\(account)@127.0.0.1:\(standby.port),127.0.0.1:\(primary.port)/kit?sslmode=disable"
        let backend = try await Postgres.open(both)
        try await makeCluster(in: backend)
        try await addUser(1, to: backend)
        try await onBlockingThread("catch up") {
            try standby.waitUntil { try standby.run(sql: "SELECT count(*) FROM users", in: "kit") == "1\n" }
        }
        let alone = "postgres://\(account)@127.0.0.1:\(standby.port)/kit?sslmode=disable"
        var options = Postgres.options()
        options.retry = RetryPolicy(tries: 2, retriesReadOnly: true)
        #expect(await Postgres.attempt(alone).error?.code == .readOnly, "what a standby says may be old")
        let follower = try await Postgres.open(alone + "&target_session_attrs=any", .existing, options)
        #expect(try await follower.read { try $0.accounts.userCount() } == 1)
        let refused = await failure { try await addUser(2, to: follower) }
        #expect(refused?.code == .readOnly, "\(refused.map { "\($0)" } ?? "it was written")")

        try await onBlockingThread("fail over") {
            primary.process.kill()
            try standby.promote()
        }
        try await addUser(3, to: backend)
        try await addUser(4, to: follower)
        #expect(try await backend.read { try $0.accounts.userCount() } == 3)
        await follower.close()
        await backend.close()
    }

    @Test("a host that does not answer is waited for once, and tried last from then on")
    func deadHost() async throws {
        let server = try await server()
        _ = try await Postgres.makeDatabase(on: server, "dead")
        let listener = try SilentListener()
        defer { listener.close() }
        let url = server.url(database: "dead").replacing(
            "127.0.0.1:\(server.port)", with: "127.0.0.1:\(listener.port),127.0.0.1:\(server.port)")
        let backend = try await Postgres.open(url + "&connect_timeout=2")
        let start = ContinuousClock.now
        try await backend.write { _ = try $0.now() }
        _ = try await backend.read { try $0.now() }
        #expect(ContinuousClock.now - start < .milliseconds(1900))
        await backend.close()
    }
}
