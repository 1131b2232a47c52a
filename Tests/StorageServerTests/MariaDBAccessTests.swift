import ClusterCore
import DatabaseServers
import Foundation
import StorageMySQL
import StorageSQL
import Testing

/// Getting into servers of the MySQL family.
@Suite("Access to MariaDB", .serialized)
struct MariaDBAccessTests {
    private func options(
        retry: RetryPolicy = RetryPolicy(tries: 60, time: .seconds(20), retriesReadOnly: true)
    ) -> MySQLOptions {
        MySQLOptions(authenticator: TestKey.authenticator, retry: retry)
    }

    private func open(_ url: String, _ mode: DatabaseOpenMode = .create) async throws -> SQLBackend {
        try await MySQLBackend.open(try #require(try MySQLAddress(url: url)), mode: mode, options: options())
    }

    private func connect(_ url: String) async throws {
        let address = try #require(try MySQLAddress(url: url))
        try await onBlockingThread("connect") { try MySQLBackend.connect(address, options: options()).close() }
    }

    private func run(_ sql: String) async throws {
        try await onBlockingThread("sql") { _ = try Servers.server(.mariadb).run(sql: sql) }
    }

    @Test("a password is read anew at each connect", arguments: ["file", "command"])
    func passwords(source: String) async throws {
        let file = NSTemporaryDirectory() + "asnode-password-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        let port = try await onBlockingThread("port") { try Servers.port(.mariadb) }
        let value = source == "file" ? file : "/bin/cat%20\(file)"
        let url = "mysql://rotating@127.0.0.1:\(port)/kit?ssl-mode=disabled&password-\(source)=\(value)"
        for password in ["first one", "zweites ü"] {
            try await run(
                "CREATE OR REPLACE USER rotating@'%' IDENTIFIED BY '\(password)'; GRANT ALL ON kit.* TO rotating@'%'")
            try "\(password)\nmore".write(toFile: file, atomically: true, encoding: .utf8)
            try await connect(url)
        }
        try "s3cret".write(toFile: file, atomically: true, encoding: .utf8)
        let wrong = await failure { try await connect(url) }
        #expect(wrong?.code == .permission)
        #expect(wrong.map { "\($0)" }?.contains("s3cret") == false)
    }

    @Test("a user who needs a certificate gets in with it alone")
    func clientCertificate() async throws {
        let server = try await onBlockingThread("server") { try Servers.server(.mariadb) }
        try await run(
            "CREATE OR REPLACE USER sealed@'%' REQUIRE SUBJECT '/CN=tester'; GRANT ALL ON kit.* TO sealed@'%'")
        let files = server.directory.path
        let url = "mysql://sealed@localhost:\(server.port)/kit?ssl-ca=\(files)/ca.pem&ssl-mode=verify_identity"
        try await connect(url + "&ssl-cert=\(files)/client.pem&ssl-key=\(files)/client.key")
        #expect(await failure { try await connect(url) }?.code == .permission)
    }

    @Test("a server's expired certificate is refused where certificates are looked at")
    func expired() async throws {
        let server = try await onBlockingThread("server") { try MariaDBServer(certificate: "expired") }
        for (mode, isGood) in [("required", true), ("verify_ca", false), ("verify_identity", false)] {
            let url = server.url(database: "kit").replacing("127.0.0.1", with: "localhost")
                .replacing("ssl-mode=disabled", with: "ssl-mode=\(mode)&ssl-ca=\(server.directory.path)/ca.pem")
            let error = await failure { try await connect(url) }
            #expect(error?.code == (isGood ? nil : .unavailable), "\(mode): \(error.map { "\($0)" } ?? "it connected")")
        }
    }

    @Test("of several servers the one that takes writes is taken, and its fall is followed")
    func readOnlyServers() async throws {
        let servers = try await onBlockingThread("servers") { try (0..<2).map { _ in try MariaDBServer() } }
        func set(_ server: Int, readOnly: Bool) async throws {
            try await onBlockingThread("set") {
                _ = try servers[server].run(sql: "SET GLOBAL read_only = \(readOnly ? 1 : 0)")
            }
        }
        let hosts = servers.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
        let url = servers[0].url(database: "kit").replacing("127.0.0.1:\(servers[0].port)", with: hosts)
        // Both have the same tables, as a primary and its replica have.
        for server in servers { await (try open(server.url(database: "kit"))).close() }
        func port(_ backend: SQLBackend) async throws -> Int64 {
            let sql = "SELECT CAST(@@port AS SIGNED)"
            let row = try await backend.withConnection(.read) { try $0.rows(sql) }.first
            guard case .integer(let port)? = row?.first else { return 0 }
            return port
        }
        try await set(0, readOnly: true)
        let backend = try await open(url, .existing)
        #expect(try await port(backend) == Int64(servers[1].port))
        // The second one falls back and the first one takes over, while clients are connected to the second.
        try await set(1, readOnly: true)
        try await set(0, readOnly: false)
        try await backend.write { _ = try $0.now() }
        #expect(try await port(backend) == Int64(servers[0].port))
        // Nobody takes writes for a while: the write waits for whoever does again.
        try await set(0, readOnly: true)
        async let written: Void = backend.write { _ = try $0.now() }
        try await Task.sleep(for: .seconds(1))
        try await set(1, readOnly: false)
        try await written
        #expect(try await port(backend) == Int64(servers[1].port))
        await backend.close()
    }

    @Test("the documented rights suffice for running and for migrating, and fewer do not")
    func privileges() async throws {
        let database = try await TestDatabase.make(.mariadb)
        let name = database.name
        let runner = "GRANT SELECT, INSERT, UPDATE, DELETE ON \(name).* TO"
        let migrator = "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX ON \(name).* TO"
        try await run(
            """
            CREATE OR REPLACE USER runner@'%' IDENTIFIED BY 'r'; \(runner) runner@'%';
            CREATE OR REPLACE USER migrator@'%' IDENTIFIED BY 'm'; \(migrator) migrator@'%';
            CREATE OR REPLACE USER reader@'%' IDENTIFIED BY 'x'; GRANT SELECT ON \(name).* TO reader@'%';
            """)
        let port = try Servers.port(.mariadb)
        func url(_ user: String, _ password: String) -> String {
            "mysql://\(user):\(password)@127.0.0.1:\(port)/\(name)?ssl-mode=disabled"
        }
        #expect(await failure { try await open(url("runner", "r")) }?.code == .permission)
        await (try open(url("migrator", "m"))).close()
        let backend = try await open(url("runner", "r"), .existing)
        let cluster = ClusterInfo(
            id: TestKey.clusterID, lineage: sample(2), createdAt: Timestamp(seconds: 1_800_000_000))
        let user = sampleUser(1, name: "alice")
        try await backend.write { writer in
            try writer.change(by: .test) {
                try $0.createCluster(cluster)
                _ = try $0.add(user)
            }
        }
        #expect(try await backend.read { try $0.accounts.userCount() } == 1)
        // A statement of one's own may be stopped without further rights.
        let slow = Task {
            try await backend.withConnection(.read) { _ = try $0.rows("SELECT BENCHMARK(2000000000, MD5('a'))") }
        }
        try await Task.sleep(for: .milliseconds(500))
        let start = ContinuousClock.now
        slow.cancel()
        _ = await slow.result
        #expect(ContinuousClock.now - start < .seconds(3))
        await backend.close()
        let reader = try await open(url("reader", "x"), .existing)
        #expect(await failure { try await reader.write { _ = try $0.now() } }?.code == .permission)
        #expect(try await reader.read { try $0.accounts.userCount() } == 1)
        await reader.close()
    }
}
