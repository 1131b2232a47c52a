import DatabaseServers
import Foundation
import Glibc
import Testing

extension CommandLineTests {
    @Suite("A node whose store is a server's database")
    struct OnServers {
        @Test("everything works on it, and a second init changes nothing", arguments: Engine.allCases)
        func life(_ engine: Engine) throws {
            let database = try Database(engine)
            let asnode = try Asnode()
            let made = try asnode.json("init", "--hostname", "vpn.example.com", "--database", database.url)
            #expect(made["changed"] as? Bool == true)
            #expect(made["database"] as? String == database.shown)
            #expect(!FileManager.default.fileExists(atPath: asnode.file("asnode.db")))
            #expect(try asnode.run("config", "set", "password.scrypt-cost", "14").status == 0)
            try asnode.addUser("user1")
            #expect(try asnode.run("profile", "issue", "user1").status == 0)
            #expect(try asnode.rows("users", "user", "list").count == 1)
            #expect(try asnode.rows("profiles", "profile", "list").count == 1)
            #expect(try asnode.rows("sessions", "session", "list").isEmpty)
            #expect(try asnode.run("config", "get", "hostname").output == "vpn.example.com\n")
            let audit = try asnode.rows("entries", "audit", "list").count
            let second = try asnode.run("init", "--database", "sqlite:///nowhere/x.db")
            #expect(second.status == 0 && second.output.contains(database.shown), "\(second)")
            #expect(try asnode.rows("entries", "audit", "list").count == audit)
            let away = try Asnode.execute(["unshare", "-n", Asnode.binary, "--data", asnode.data, "user", "list"])
            #expect(away.status == 69 && away.isOneLine && !away.showsPassword, "\(away)")
        }

        @Test("node.yaml has the URL and is its owner's alone; nothing prints the password", arguments: Engine.allCases)
        func secrecy(_ engine: Engine) throws {
            let database = try Database(engine)
            let asnode = try database.node()
            let settings = try String(contentsOfFile: asnode.file("node.yaml"), encoding: .utf8)
            #expect(settings.contains("database: \"\(database.url)\""))
            let attributes = try FileManager.default.attributesOfItem(atPath: asnode.file("node.yaml"))
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
            for arguments in [
                ["init"], ["--json", "init"], ["doctor"], ["--json", "doctor"], ["config", "list"],
                ["config", "export"],
                ["audit", "list"], ["storage", "migrate"], ["--json", "storage", "migrate"], ["user", "show", "x"],
            ] {
                let outcome = try Asnode.execute([Asnode.binary, "--data", asnode.data] + arguments)
                #expect(!outcome.showsPassword, "\(arguments)")
            }
        }

        @Test("the database can come from the environment, and its password from a file", arguments: Engine.allCases)
        func quietForms(_ engine: Engine) throws {
            let database = try Database(engine)
            let asnode = try Asnode()
            let file = asnode.place + "/password"
            try (TestAccount.password + "\n").write(toFile: file, atomically: true, encoding: .utf8)
            let off = engine == .mariadb ? "ssl-mode=disabled" : "sslmode=disable"
            let url = database.url(options: "\(off)&password-file=\(file)")
                .replacing(":\(TestAccount.encodedPassword)@", with: "@")
            let made = try asnode.run("init", "--hostname", "a.example", environment: ["ASNODE_DATABASE": url])
            #expect(made.status == 0, "\(made)")
            #expect(try asnode.run("user", "list").status == 0)
            let settings = try String(contentsOfFile: asnode.file("node.yaml"), encoding: .utf8)
            #expect(settings.contains(url))
            try FileManager.default.removeItem(atPath: file)
            let outcome = try asnode.run("user", "list")
            #expect(outcome.status == 77 && outcome.isOneLine && outcome.errors.contains(file), "\(outcome)")
        }

        @Test(
            "a database that holds a cluster is refused, and the next one that is named is taken",
            arguments: Engine.allCases)
        func holdsCluster(_ engine: Engine) throws {
            let taken = try Database(engine)
            let owner = try taken.node()
            let before = try owner.rows("entries", "audit", "list").count
            let other = try Asnode()
            let refused = try other.run("init", "--hostname", "a.example", "--database", taken.url)
            #expect(refused.status == 73 && refused.isOneLine && !refused.showsPassword, "\(refused)")
            #expect(refused.errors.contains("cluster join") && refused.errors.contains("restore"))
            #expect(try owner.rows("entries", "audit", "list").count == before)
            let free = try Database(engine)
            let made = try other.run("init", "--hostname", "a.example", "--database", free.url)
            #expect(made.status == 0, "\(made)")
            #expect(try other.run("user", "list").status == 0)
        }

        @Test("the doctor tells of the server, and finds what it lacks", arguments: Engine.allCases)
        func doctor(_ engine: Engine) throws {
            let database = try Database(engine)
            let asnode = try database.node()
            let product = engine == .mariadb ? "MariaDB" : "PostgreSQL"
            let sound = try asnode.run("doctor")
            for words in [
                "OK    database-server: \(product) ", "OK    database-tls: ", "OK    database-schema: ",
                "OK    database-privileges: ", "OK    store-clock: ", "OK    database: ",
            ] { #expect(sound.output.contains(words), "\(words) in \(sound)") }
            switch engine {
            case .mariadb:
                try database.run(
                    sql: """
                        CREATE USER IF NOT EXISTS weak@'%' IDENTIFIED BY 's3cret';
                        GRANT SELECT ON \(database.name).* TO weak@'%';
                        """)
            case .postgres:
                try database.run(
                    sql: """
                        CREATE ROLE weak_\(database.name) LOGIN PASSWORD 's3cret';
                        GRANT USAGE ON SCHEMA public TO weak_\(database.name);
                        GRANT SELECT ON ALL TABLES IN SCHEMA public TO weak_\(database.name);
                        """)
            }
            let user = engine == .mariadb ? "weak" : "weak_\(database.name)"
            let off = engine == .mariadb ? "ssl-mode=disabled" : "sslmode=disable"
            let url = database.url(password: "s3cret", options: off).replacing("//tester:", with: "//\(user):")
            let weak = try asnode.run("doctor", environment: ["ASNODE_DATABASE": url])
            #expect(weak.status == 1 && !weak.showsPassword, "\(weak)")
            #expect(weak.output.contains("FAIL  database-privileges: the database user may not INSERT on cluster"))
            #expect(weak.output.contains("mend it: grant SELECT, INSERT, UPDATE and DELETE"))
        }

        /// Brings a database back to schema 1.
        private static let firstSchema = """
            DROP TABLE store_state;
            ALTER TABLE revision DROP COLUMN touched;
            ALTER TABLE nodes DROP COLUMN touched;
            ALTER TABLE nodes DROP COLUMN newest_schema;
            DELETE FROM schema_steps WHERE number > 1;
            """

        @Test("storage migrate brings an older database up, which nothing else does", arguments: Engine.allCases)
        func migrate(_ engine: Engine) throws {
            let database = try Database(engine)
            let asnode = try database.node()
            let newest = try database.run(sql: "SELECT MAX(number) FROM schema_steps").prefix { $0.isNumber }
            let number = try #require(Int(newest))
            let current = try asnode.run("storage", "migrate")
            #expect(current.status == 0 && current.output.contains("nothing was changed"), "\(current)")
            try database.run(sql: Self.firstSchema)
            for arguments in [["user", "list"], ["run"]] {
                let outcome = try Asnode.execute([Asnode.binary, "--data", asnode.data] + arguments)
                #expect(outcome.status == 78 && outcome.isOneLine, "\(outcome)")
                #expect(outcome.errors.contains("storage migrate"))
            }
            let before = try asnode.run("doctor")
            #expect(before.output.contains("FAIL  database-schema: "), "\(before)")
            let migrated = try asnode.json("storage", "migrate", "--database", database.url)
            #expect(migrated["from"] as? Int == 1 && migrated["to"] as? Int == number, "\(migrated)")
            #expect(try asnode.run("user", "list").status == 0)
        }
    }
}
