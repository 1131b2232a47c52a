import DatabaseServers
import Foundation
import Glibc
import Testing

extension CommandLineTests {
    @Suite("storage check")
    struct StorageCheck {
        @Test("a SQLite file that is not there yet passes, and is not made")
        func sqlite() throws {
            let asnode = try Asnode()
            try FileManager.default.createDirectory(
                atPath: asnode.data, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            let outcome = try Asnode.execute(
                [Asnode.binary, "--json", "storage", "check", "sqlite://\(asnode.data)/new.db"], within: 600)
            #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome)")
            try expectDocument(outcome, product: "SQLite")
            #expect(try FileManager.default.contentsOfDirectory(atPath: asnode.data).isEmpty)
        }

        @Test("where no database can be made, tables with a prefix do; what was there stays, what was made goes")
        func prefix() throws {
            let database = try Database(.mariadb)
            try database.run(
                sql: """
                    CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (7);
                    CREATE USER narrow@'%' IDENTIFIED BY 's3cret';
                    GRANT ALL ON `\(database.name)`.* TO narrow@'%';
                    """)
            let url = database.url(password: "s3cret", options: "ssl-mode=disabled")
                .replacing("tester", with: "narrow")
            let outcome = try Asnode.execute([Asnode.binary, "--json", "storage", "check", url], within: 600)
            #expect(outcome.status == 0 && !outcome.showsPassword, "\(outcome)")
            try expectDocument(outcome, product: "MariaDB")
            #expect(try database.run(sql: "SHOW TABLES; SELECT * FROM users") == "users\n7\n")
        }

        @Test("an interrupt ends it with 75, and what it made is gone")
        func interrupted() throws {
            let database = try Database(.postgres)
            let check = try Asnode.start([Asnode.binary, "storage", "check", database.url])
            let deadline = Date().addingTimeInterval(60)
            while !check.output.contains("\nok "), check.isRunning, Date() < deadline { usleep(20_000) }
            check.signal(SIGINT)
            #expect(check.wait(within: 200) == 75, "\(check.errors)")
            #expect(check.output.contains("PostgreSQL") && check.output.contains("schemas of their own"))
            let schemas = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'asnode%'"
            #expect(try database.run(sql: schemas).isEmpty)
            #expect(try database.run(sql: "SELECT tablename FROM pg_tables WHERE schemaname = 'public'").isEmpty)
        }

        @Test("a database that cannot be reached is one line", arguments: Engine.allCases)
        func unreachable(_ engine: Engine) throws {
            let database = try Database(engine)
            let url = database.url(port: try LocalPort.free(), password: "s3cret")
            let outcome = try Asnode.execute([Asnode.binary, "storage", "check", url])
            #expect(outcome.status == 69 && outcome.isOneLine && !outcome.showsPassword, "\(outcome)")
        }

        private func expectDocument(_ outcome: Outcome, product: String) throws {
            let parsed = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
            let document = try #require(parsed)
            #expect(
                Set(document.keys) == [
                    "database", "product", "version", "supported", "servers", "protection", "isolation",
                    "roundTripMilliseconds", "clockOffsetMilliseconds", "conforming", "cases",
                ])
            #expect(document["product"] as? String == product)
            #expect(document["conforming"] as? Bool == true)
            let cases = try #require(document["cases"] as? [[String: Any]])
            let passed = cases.filter { $0["result"] as? String == "passed" }
            #expect(passed.count > 60, "\(passed.count) of \(cases.count)")
        }
    }
}
