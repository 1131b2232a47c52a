import ClusterCore
import DatabaseServers
import Foundation
import StoragePostgres
import StorageSQL
import Testing

@Suite("PostgreSQL: who gets in", .serialized)
struct PostgresAccessTests {
    private func scratch(_ content: String) throws -> String {
        let path = NSTemporaryDirectory() + "asnode-password-\(UUID().uuidString)"
        try content.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    @Test("the password is read from a file or a program at each connect")
    func passwords() async throws {
        let database = try await TestDatabase.make(.postgres)
        let path = try scratch(TestAccount.password)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let bare = try database.url().replacing(":\(TestAccount.encodedPassword)@", with: "@")
        for option in ["password-file=\(path)", "password-command=/bin/cat%20\(path)"] {
            try TestAccount.password.write(toFile: path, atomically: true, encoding: .utf8)
            let backend = try await Postgres.open("\(bare)&\(option)")
            try "s3cret".write(toFile: path, atomically: true, encoding: .utf8)
            let lane = try await backend.lane("late", limits: LaneLimits())
            let late = await failure { try await lane.read { try $0.now() } }
            #expect(late?.code == .permission)
            try TestAccount.password.write(toFile: path, atomically: true, encoding: .utf8)
            _ = try await lane.read { try $0.now() }
            try FileManager.default.removeItem(atPath: path)
            let gone = await Postgres.attempt("\(bare)&\(option)").error
            #expect(gone?.code == .permission)
            #expect([late, gone].allSatisfy { $0.map { "\($0)" }?.contains("s3cret") == false })
            await backend.close()
        }
    }

    @Test("a certificate lets a user in where the server asks for one, and an expired server's is refused")
    func certificates() async throws {
        let server = try await onBlockingThread("server") {
            let server = try PostgresServer()
            try Data("hostssl all tester all cert\nlocal all all scram-sha-256\n".utf8).write(
                to: URL(fileURLWithPath: "\(server.directory.path)/data/pg_hba.conf"))
            try server.run(sql: "SELECT pg_reload_conf()")
            return server
        }
        _ = try await Postgres.makeDatabase(on: server)
        let files = server.directory.path
        let base = "postgres://tester@localhost:\(server.port)/kit?sslmode=verify-full&sslrootcert=\(files)/ca.pem"
        let mine = "&sslcert=\(files)/client.pem&sslkey=\(files)/client.key"
        #expect(await Postgres.attempt(base + mine).error == nil)
        let without = await Postgres.attempt(base).error
        #expect(without?.code == .permission, "\(without.map { "\($0)" } ?? "it connected")")

        let expired = try await onBlockingThread("expired") { try PostgresServer(certificate: "expired") }
        let url =
            "postgres://tester:\(TestAccount.encodedPassword)@localhost:\(expired.port)/postgres"
            + "?sslmode="
        #expect(await Postgres.attempt(url + "require").error == nil)
        let authority = "&sslrootcert=\(expired.directory.path)/ca.pem"
        let refused = await Postgres.attempt(url + "verify-full" + authority).error
        #expect(refused?.code == .unavailable)
        #expect(refused?.message.contains("certificate") == true)
    }

    @Test("hosts are tried in order, or at random where that is asked for")
    func order() async throws {
        let database = try await TestDatabase.make(.postgres)
        let port = try Servers.port(.postgres)
        let several = (0..<4).map { _ in "127.0.0.1:\(port)" }.joined(separator: ",") + ",localhost:\(port)"
        for choice in ["disable", "random"] {
            let url = try database.url().replacing("127.0.0.1:\(port)", with: several)
            #expect(await Postgres.attempt("\(url)&load_balance_hosts=\(choice)").error == nil)
        }
        let elsewhere = try database.url().replacing("127.0.0.1", with: "no-such-host.invalid")
        #expect(await Postgres.attempt(elsewhere + "&hostaddr=127.0.0.1").error == nil)
    }

    @Test(
        "a URL that asks for what there is not is refused, without its password",
        arguments: [
            "h/d?target_session_attrs=prefer-standby", "h/d?connect_timeout=0", "h/d?connect_timeout=x", "h:0/d",
            "h:99999/d", "h:x/d", "h,/d", "h/d?load_balance_hosts=yes", "h/d?password-file=/f",
            "h/d?password-command=/f", "h/d?hostaddr=1.2.3.4,5.6.7.8",
            "h/d?prepared-statements=on&prepared-statements=off",
            "h/d?prepared-statements=o%zz", "h/d?prepared-statements=on%00",
        ])
    func badURL(rest: String) async throws {
        let error = try #require(await failure { _ = try PostgresAddress(url: "postgres://u:s3cret@" + rest) })
        #expect(error.code == .invalid)
        #expect(!"\(error)".contains("s3cret"))
    }

    @Test("a user who owns the tables migrates, and one who may only change rows runs")
    func leastPrivilege() async throws {
        let database = try await TestDatabase.make(.postgres)
        try await onBlockingThread("grant") {
            let server = try Servers.server(.postgres)
            for role in ["asnode_migrate", "asnode_run"] {
                try server.run(
                    sql: """
                        DO $$ BEGIN CREATE ROLE \(role) LOGIN PASSWORD 'x'; EXCEPTION WHEN duplicate_object THEN END $$
                        """)
            }
            try server.run(sql: Self.grants(in: database.name), in: database.name)
        }
        func url(_ role: String) throws -> String {
            try database.url().replacing("tester:\(TestAccount.encodedPassword)", with: "\(role):x")
        }
        #expect(await failure { _ = try await Postgres.open(try url("asnode_run")) }?.code == .permission)
        let migrator = try await Postgres.open(try url("asnode_migrate"))
        let cluster = ClusterInfo(
            id: TestKey.clusterID, lineage: sample(2), createdAt: Timestamp(seconds: 1_800_000_000))
        try await migrator.write { writer in try writer.change(by: .test) { try $0.createCluster(cluster) } }
        await migrator.close()

        let runner = try await Postgres.open(try url("asnode_run"), .existing)
        for number: UInt64 in 1...3 {
            let user = sampleUser(number, name: "user\(number)")
            try await runner.write { writer in try writer.change(by: .test) { _ = try $0.add(user) } }
        }
        try await runner.write { writer in try writer.change(by: .test) { try $0.removeUser(sample(1)) } }
        #expect(try await runner.read { try $0.accounts.userCount() } == 2)
        for statement in ["DROP TABLE users", "CREATE TABLE mine (x BIGINT)", "ALTER TABLE users ADD y BIGINT"] {
            let error = await failure { try await runner.withConnection(.write) { try $0.execute(statement) } }
            #expect(error?.code == .permission, "\(statement)")
        }
        await runner.close()
    }

    /// As `docs/storage.md` has them.
    private static func grants(in database: String) -> String {
        """
        REVOKE ALL ON DATABASE \(database) FROM PUBLIC;
        REVOKE ALL ON SCHEMA public FROM PUBLIC;
        GRANT CONNECT ON DATABASE \(database) TO asnode_migrate, asnode_run;
        GRANT USAGE, CREATE ON SCHEMA public TO asnode_migrate;
        GRANT USAGE ON SCHEMA public TO asnode_run;
        ALTER DEFAULT PRIVILEGES FOR ROLE asnode_migrate IN SCHEMA public
            GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO asnode_run;
        """
    }
}
