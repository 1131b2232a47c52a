import DatabaseServers
import Foundation
import Glibc
import Synchronization
import Testing

/// A sort of server that the command line is tried on.
enum Engine: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case mariadb, postgres

    var testDescription: String { self == .mariadb ? "MariaDB" : "PostgreSQL" }

    /// The server, started when a test first needs it.
    func server() throws -> any DatabaseServer {
        switch self {
        case .mariadb: try Self.mariadbServer.get()
        case .postgres: try Self.postgresServer.get()
        }
    }

    private static let mariadbServer = Result { try MariaDBServer() }
    private static let postgresServer = Result { try PostgresServer() }
}

/// A database of its own on a server.
struct Database {
    let server: any DatabaseServer
    let engine: Engine
    let name: String
    private static let count = Atomic(0)

    /// Makes an empty one.
    init(_ engine: Engine) throws {
        self.engine = engine
        server = try engine.server()
        name = "kit_cli\(Self.count.add(1, ordering: .relaxed).newValue)"
        try server.createDatabase(name)
    }

    var url: String { server.url(database: name) }
    /// What the program shows of the URL.
    var shown: String {
        "\(engine == .mariadb ? "mysql" : "postgres")://\(TestAccount.user)@127.0.0.1:\(server.port)/\(name)"
    }

    /// The URL with another way of TLS, to a host name or address, with other options.
    func url(
        host: String = "127.0.0.1", port: UInt16? = nil, password: String = TestAccount.encodedPassword,
        database: String? = nil, options: String = ""
    ) -> String {
        let scheme = engine == .mariadb ? "mysql" : "postgres"
        let port = port ?? server.port
        return "\(scheme)://\(TestAccount.user):\(password)@\(host):\(port)/\(database ?? name)?\(options)"
    }

    /// Runs statements as the administrator, and gives what they print.
    @discardableResult
    func run(sql: String) throws -> String { try server.run(sql: sql, in: name) }

    /// A node whose store is the database.
    func node() throws -> Asnode {
        let asnode = try Asnode()
        let made = try asnode.run("init", "--hostname", "vpn.example.com", "--name", "n1", "--database", url)
        guard made.status == 0 else { throw HarnessError(description: "init: \(made)") }
        let cheap = try asnode.run("config", "set", "password.scrypt-cost", "14")
        guard cheap.status == 0 else { throw HarnessError(description: "config set: \(cheap)") }
        return asnode
    }
}

extension Outcome {
    /// Whether a password of the tests' is shown anywhere, in any writing.
    var showsPassword: Bool {
        [TestAccount.password, TestAccount.encodedPassword, "s3cret"].contains {
            output.contains($0) || errors.contains($0)
        }
    }
}
