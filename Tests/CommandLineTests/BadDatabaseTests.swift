import DatabaseServers
import Foundation
import Glibc
import Testing

extension CommandLineTests {
    /// Each way in which a database cannot be used ends with one clear line without a password, within the stated time.
    @Suite("Databases that cannot be used")
    struct BadDatabases {
        /// A URL that leads nowhere good.
        struct BadURL: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let status: Int32
            let words: String
            let url: @Sendable (Database) throws -> String

            init(
                _ description: String, _ status: Int32, _ words: String,
                _ url: @escaping @Sendable (Database) throws -> String
            ) {
                testDescription = description
                self.status = status
                self.words = words
                self.url = url
            }
        }

        static let badURLs = [
            BadURL("a wrong password", 77, "password") { $0.url(password: "s3cret", options: $0.off) },
            BadURL("an unknown host", 69, "no-such-host.invalid") {
                $0.url(host: "no-such-host.invalid", password: "s3cret", options: $0.off)
            },
            BadURL("a port where nobody listens", 69, "127.0.0.1") {
                $0.url(port: try LocalPort.free(), options: $0.off)
            },
            BadURL("a wrong authority", 69, "certificate") {
                $0.url(host: "localhost", options: $0.verified(by: "other"))
            },
            BadURL("a certificate for another name", 69, "certificate") {
                $0.url(options: $0.verified(by: "ca"))
            },
            BadURL("no such database", 78, "name the right one") {
                $0.url(database: $0.engine == .mariadb ? "kit_no_such" : "no_such", options: $0.off)
            },
            BadURL("no such option", 78, "database in") { $0.url(password: "s3cret", options: "no-such=1") },
            BadURL("a URL of something else", 78, "database in") { _ in "http://u:s3cret@h/d" },
        ]

        @Test("a database that cannot be used is one clear line", arguments: Engine.allCases, badURLs)
        func badURL(_ engine: Engine, _ bad: BadURL) throws {
            let database = try Self.shared(engine).database
            let outcome = try Self.attempt(engine, try bad.url(database), within: 10)
            #expect(outcome.status == bad.status && outcome.isOneLine && !outcome.showsPassword, "\(outcome)")
            #expect(outcome.errors.contains(bad.words), "\(outcome)")
        }

        @Test("a server whose certificate has expired is refused", arguments: Engine.allCases)
        func expired(_ engine: Engine) throws {
            let server: any DatabaseServer =
                switch engine {
                case .mariadb: try MariaDBServer(certificate: "expired")
                case .postgres: try PostgresServer(certificate: "expired")
                }
            defer { server.stop() }
            let database = try Self.shared(engine).database
            let options = database.verified(by: "ca").replacing(
                database.server.directory.path, with: server.directory.path)
            let url = database.url(host: "localhost", port: server.port, options: options)
            let outcome = try Self.attempt(engine, url, within: 10)
            #expect(outcome.status == 69 && outcome.isOneLine && !outcome.showsPassword, "\(outcome)")
            #expect(outcome.errors.contains("certificate"), "\(outcome)")
        }

        @Test(
            "a server that accepts and never answers is given up within the time that was stated",
            arguments: Engine.allCases)
        func silent(_ engine: Engine) throws {
            let listener = try SilentListener()
            defer { listener.close() }
            let database = try Self.shared(engine).database
            let limit = engine == .mariadb ? "connect-timeout=2" : "connect_timeout=2"
            let outcome = try Self.attempt(
                engine, database.url(port: listener.port, options: "\(limit)&\(database.off)"), within: 6)
            #expect(outcome.status == 69 && outcome.isOneLine && !outcome.showsPassword, "\(outcome)")
        }

        @Test("a server that closes in the middle of an answer is one line, wherever it is", arguments: Engine.allCases)
        func midRow(_ engine: Engine) throws {
            let (asnode, database) = try Self.shared(engine)
            func listing(cutAfter count: Int) throws -> Outcome {
                let proxy = try Self.cutter(to: database.server.port, after: count)
                defer { proxy.signal(SIGKILL) }
                let port = try #require(UInt16(proxy.output.prefix { $0.isNumber }))
                return try asnode.run(
                    "user", "list", environment: ["ASNODE_DATABASE": database.url(port: port, options: database.off)])
            }
            var statuses: Set<Int32> = []
            for count in [1, 60, 110, 400, 900, 1300, 1700, 2100, 2500, 1_000_000] {
                let outcome = try listing(cutAfter: count)
                statuses.insert(outcome.status)
                #expect(outcome.status == 0 || outcome.isOneLine, "after \(count) bytes: \(outcome)")
                #expect([0, 69].contains(outcome.status) && !outcome.showsPassword, "after \(count) bytes: \(outcome)")
            }
            #expect(statuses == [0, 69])
        }

        /// What an administrator does to a database that a node then cannot use.
        struct Spoiling: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let status: Int32
            let words: String
            let mariadb: String
            let postgres: String
        }

        static let spoilings = [
            Spoiling(
                testDescription: "a schema of a newer version", status: 78, words: "newer",
                mariadb: "INSERT INTO schema_steps (number, name, applied_at) VALUES (9999, 'later', 0)",
                postgres: "INSERT INTO schema_steps (number, name, applied_at) VALUES (9999, 'later', 0)"),
            Spoiling(
                testDescription: "a value of the wrong type in a column", status: 65, words: "cluster",
                mariadb: "ALTER TABLE cluster MODIFY created_at TEXT; UPDATE cluster SET created_at = 'yesterday'",
                postgres: "ALTER TABLE cluster ALTER COLUMN created_at TYPE text USING 'yesterday'"),
            Spoiling(
                testDescription: "a table that is gone", status: 65, words: "schema",
                mariadb: "DROP TABLE users", postgres: "DROP TABLE users"),
            Spoiling(
                testDescription: "another cluster's identity", status: 65, words: "cluster",
                mariadb: "UPDATE cluster SET cluster_id = UNHEX(REPEAT('00', 16))",
                postgres: "UPDATE cluster SET cluster_id = decode(repeat('00', 16), 'hex')"),
        ]

        @Test(
            "a database that someone has spoilt is refused, and not written to", arguments: Engine.allCases, spoilings)
        func spoilt(_ engine: Engine, _ spoiling: Spoiling) throws {
            let database = try Database(engine)
            let asnode = try database.node()
            try database.run(sql: engine == .mariadb ? spoiling.mariadb : spoiling.postgres)
            for arguments in [["user", "list"], ["run"]] {
                let outcome = try Asnode.execute([Asnode.binary, "--data", asnode.data] + arguments)
                #expect(outcome.status == spoiling.status && !outcome.showsPassword, "\(arguments): \(outcome)")
                #expect(outcome.errors.split(separator: "\n").last?.hasPrefix("asnode: ") == true, "\(outcome)")
                if arguments[0] == "user" { #expect(outcome.isOneLine && outcome.errors.contains(spoiling.words)) }
            }
        }

        @Test("a database that is not ours is refused, by init too, and stays as it is", arguments: Engine.allCases)
        func foreign(_ engine: Engine) throws {
            let database = try Database(engine)
            try database.run(sql: "CREATE TABLE invoices (id bigint PRIMARY KEY); INSERT INTO invoices VALUES (7)")
            let fresh = try Asnode()
            let made = try fresh.run("init", "--hostname", "a.example", "--database", database.url)
            #expect(made.status == 65 && made.isOneLine && !made.showsPassword, "\(made)")
            #expect(!FileManager.default.fileExists(atPath: fresh.file("node.yaml")))
            let outcome = try Self.attempt(engine, database.url, within: 10)
            #expect(outcome.status == 65 && outcome.isOneLine && !outcome.showsPassword, "\(outcome)")
            let tables =
                "SELECT table_name FROM information_schema.tables WHERE table_schema IN ('public', '\(database.name)')"
            #expect(try database.run(sql: tables) == "invoices\n")
        }

        @Test(
            "a URL on the command line that cannot be is a wrong use, and nothing is made",
            arguments: [
                "mysql://tester:s3cret@h", "postgres://tester:s3cret@h", "http://tester:s3cret@h/d", "sqlite:x", "",
            ])
        func wrongURL(_ url: String) throws {
            let asnode = try Asnode()
            let outcome = try asnode.run("init", "--hostname", "a.example", "--database", url)
            #expect(outcome.status == 64 && outcome.isOneLine && !outcome.showsPassword, "\(outcome)")
            #expect(!FileManager.default.fileExists(atPath: asnode.data))
        }

        // MARK: Means

        /// A node on each engine, for tests that change nothing in it.
        private static func shared(_ engine: Engine) throws -> (node: Asnode, database: Database) {
            try engine == .mariadb ? mariadb.get() : postgres.get()
        }

        private static nonisolated(unsafe) let mariadb = Result { try make(.mariadb) }
        private static nonisolated(unsafe) let postgres = Result { try make(.postgres) }

        private static func make(_ engine: Engine) throws -> (node: Asnode, database: Database) {
            let database = try Database(engine)
            let node = try database.node()
            try node.addUser("user1")
            return (node, database)
        }

        /// Lists the users of the shared node with another URL for its database.
        private static func attempt(_ engine: Engine, _ url: String, within seconds: Double) throws -> Outcome {
            try Asnode.execute(
                [Asnode.binary, "--data", try shared(engine).node.data, "user", "list"],
                environment: ["ASNODE_DATABASE": url], within: seconds)
        }

        /// A proxy on 127.0.0.1 that closes each connection after so many bytes of the server's; prints its port.
        private static func cutter(to port: UInt16, after count: Int) throws -> Running {
            let script = """
                import socket, sys, threading
                port, left = int(sys.argv[1]), int(sys.argv[2])
                def pump(a, b, limit):
                    try:
                        while limit:
                            data = a.recv(min(limit or 65536, 65536))
                            if not data: break
                            b.sendall(data); limit -= len(data)
                    except OSError: pass
                    for s in (a, b):
                        try: s.shutdown(socket.SHUT_RDWR)
                        except OSError: pass
                listener = socket.create_server(("127.0.0.1", 0))
                print(listener.getsockname()[1], flush=True)
                while True:
                    client = listener.accept()[0]
                    server = socket.create_connection(("127.0.0.1", port))
                    threading.Thread(target=pump, args=(client, server, 1 << 60), daemon=True).start()
                    threading.Thread(target=pump, args=(server, client, left), daemon=True).start()
                """
            let proxy = try Asnode.start(["python3", "-c", script, "\(port)", "\(count)"])
            let deadline = Date().addingTimeInterval(10)
            while !proxy.output.hasSuffix("\n"), proxy.isRunning, Date() < deadline { usleep(10_000) }
            return proxy
        }
    }
}

extension Database {
    /// The option that does without TLS.
    fileprivate var off: String { engine == .mariadb ? "ssl-mode=disabled" : "sslmode=disable" }

    /// The options that want the server's own certificate, signed by an authority.
    fileprivate func verified(by authority: String) -> String {
        let file = "\(server.directory.path)/\(authority).pem"
        return engine == .mariadb
            ? "ssl-mode=verify_identity&ssl-ca=\(file)" : "sslmode=verify-full&sslrootcert=\(file)"
    }
}
