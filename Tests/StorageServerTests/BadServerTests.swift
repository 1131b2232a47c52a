import ClusterCore
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
        let wrong = await open(engine, try Servers.url(engine, database: "kit0", password: "s3cret"))
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
}
