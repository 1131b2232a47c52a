import ClusterCore
import DatabaseServers
import StorageMySQL
import StoragePostgres
import StorageSQL
import Testing

@Suite("Servers that cannot be used", .serialized)
struct BadServerTests {
    private func open(_ engine: Engine, _ url: String) async -> StorageError? {
        await failure {
            try await onBlockingThread("open") { try Servers.connect(engine, url).close() }
        }
    }

    @Test("a wrong password, an unknown user and an unknown database are told apart", arguments: Engine.allCases)
    func refused(_ engine: Engine) async throws {
        let wrong = await open(engine, try Servers.url(engine, database: "kit", password: "s3cret"))
        #expect(wrong?.code == .permission)
        #expect(wrong.map { "\($0)" }?.contains("s3cret") == false)
        let name = engine == .postgres ? "no_such" : "kit_no_such"
        let missing = await open(engine, try Servers.url(engine, database: name))
        #expect(missing?.code == .notFound)
    }

    /// One way to look at the server's certificate, and whether it should be found good.
    struct Trust: Sendable, CustomTestStringConvertible {
        var mode: (mysql: String, postgres: String)
        var host: String
        var authority: String?
        var isGood: Bool

        var testDescription: String { "\(mode.postgres) \(host) \(authority ?? "no authority")" }
    }

    private static let trusts = [
        Trust(mode: ("disabled", "disable"), host: "127.0.0.1", isGood: true),
        Trust(mode: ("preferred", "prefer"), host: "127.0.0.1", isGood: true),
        Trust(mode: ("required", "require"), host: "127.0.0.1", isGood: true),
        Trust(mode: ("verify_ca", "verify-ca"), host: "127.0.0.1", authority: "ca", isGood: true),
        Trust(mode: ("verify_ca", "verify-ca"), host: "127.0.0.1", authority: "other", isGood: false),
        Trust(mode: ("verify_ca", "verify-ca"), host: "127.0.0.1", isGood: false),
        Trust(mode: ("verify_identity", "verify-full"), host: "localhost", authority: "ca", isGood: true),
        Trust(mode: ("verify_identity", "verify-full"), host: "127.0.0.1", authority: "ca", isGood: false),
        Trust(mode: ("verify_identity", "verify-full"), host: "localhost", authority: "other", isGood: false),
    ]

    @Test("a server's certificate is looked at as far as was asked for", arguments: Engine.allCases, trusts)
    func tls(_ engine: Engine, _ trust: Trust) async throws {
        let database = try await TestDatabase.make(engine)
        let base = try database.url().prefix { $0 != "?" }.replacing("127.0.0.1", with: trust.host)
        let file = try trust.authority.map { "\(try Servers.directory(engine))/\($0).pem" }
        let options =
            engine == .mariadb
            ? "?ssl-mode=\(trust.mode.mysql)" + (file.map { "&ssl-ca=\($0)" } ?? "")
            : "?sslmode=\(trust.mode.postgres)" + (file.map { "&sslrootcert=\($0)" } ?? "")
        let error = await open(engine, base + options)
        #expect(error?.code == (trust.isGood ? nil : .unavailable), "\(error.map { "\($0)" } ?? "it connected")")
        #expect(error.map { "\($0)" }?.contains(Servers.password) != true)
    }

    @Test(
        "a MariaDB server without TLS is refused where TLS is asked for, and taken where it is preferred",
        arguments: ["disabled", "preferred", "required", "verify_ca", "verify_identity"])
    func noTLS(mode: String) async throws {
        let server = try await onBlockingThread("plain") { try Servers.plainMariaDB.get() }
        let authority = mode.hasPrefix("verify") ? "&ssl-ca=\(server.directory.path)/ca.pem" : ""
        let url = "mysql://tester:\(Servers.encodedPassword)@localhost:\(server.port)/kit?ssl-mode=\(mode)\(authority)"
        let error = await open(.mariadb, url)
        #expect(error?.code == (["disabled", "preferred"].contains(mode) ? nil : .unavailable))
    }

    @Test("a host that does not exist is told as such", arguments: Engine.allCases)
    func unknownHost(_ engine: Engine) async throws {
        let scheme = engine == .mariadb ? "mysql" : "postgres"
        let error = await open(engine, "\(scheme)://tester:s3cret@no-such-host.invalid/kit")
        #expect(error?.code == .unavailable)
        #expect(error.map { "\($0)" }?.contains("s3cret") == false)
    }

    @Test("of several hosts the next one is taken when the first does not answer", arguments: Engine.allCases)
    func severalHosts(_ engine: Engine) async throws {
        let port = try Servers.port(engine)
        let database = try await TestDatabase.make(engine)
        let hosts = "127.0.0.1:1,127.0.0.1:\(port)"
        let url = try database.url().replacing("127.0.0.1:\(port)", with: hosts)
        #expect(await open(engine, url) == nil)
    }

    @Test(
        "a server that accepts and never answers is given up within the time that was stated",
        arguments: Engine.allCases)
    func silent(_ engine: Engine) async throws {
        let listener = try SilentListener()
        defer { listener.close() }
        let url =
            engine == .mariadb
            ? "mysql://tester:s3cret@127.0.0.1:\(listener.port)/kit?connect-timeout=2&ssl-mode=disabled"
            : "postgres://tester:s3cret@127.0.0.1:\(listener.port)/kit?connect_timeout=2&sslmode=disable"
        let start = ContinuousClock.now
        let error = await open(engine, url)
        #expect(error?.code == .timeout, "\(error.map { "\($0)" } ?? "it connected")")
        #expect(ContinuousClock.now - start < .seconds(6))
    }

    @Test("a server that takes no writes is told as such, and written to again when it does")
    func readOnly() async throws {
        let database = try await TestDatabase.make(.mariadb)
        let backend = try await database.open(retry: RetryPolicy(tries: 2, retriesReadOnly: true))
        func set(readOnly: Bool) async throws {
            try await onBlockingThread("read-only") {
                _ = try Servers.server(.mariadb).run(sql: "SET GLOBAL read_only = \(readOnly ? 1 : 0)")
            }
        }
        try await set(readOnly: true)
        let error = await failure { try await backend.write { _ = try $0.now() } }
        try await set(readOnly: false)
        #expect(error?.code == .readOnly)
        try await backend.write { _ = try $0.now() }
        await backend.close()
    }

    @Test("a backend goes on by itself after its connections were ended", arguments: Engine.allCases)
    func reconnects(_ engine: Engine) async throws {
        let database = try await TestDatabase.make(engine)
        let backend = try await database.openWithCluster()
        _ = try await backend.read { try $0.now() }
        try await onBlockingThread("end") {
            let root = try Servers.administrator(engine)
            defer { root.close() }
            switch engine {
            case .mariadb: try root.execute("KILL USER tester")
            case .postgres:
                _ = try root.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tester'")
            }
        }
        let user = sampleUser(5, name: "alice")
        try await backend.write { writer in try writer.change(by: .test) { _ = try $0.add(user) } }
        #expect(try await backend.read { try $0.accounts.userCount() } == 1)
        await backend.close()
    }
}
