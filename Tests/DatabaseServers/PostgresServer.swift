import Foundation
import Glibc
import Synchronization

/// A PostgreSQL server.
package final class PostgresServer: DatabaseServer {
    package let port: UInt16
    package let directory: ServerDirectory
    package let process: ServerProcess
    private let options: [String]

    /// Starts a server.
    ///
    /// - Parameters:
    ///   - certificate: The certificate's file in its directory, without `.pem`; `nil` for a server without TLS.
    ///   - options: Settings, `name=value`.
    package convenience init(certificate: String? = "server", options: [String] = []) throws {
        let template = try Self.template.get()
        try self.init(certificate: certificate, options: options) { data in
            try Programs.run("cp", ["-a", "\(template.path)/data", data])
        }
        try start()
        try run(sql: "CREATE ROLE \(TestAccount.user) LOGIN PASSWORD '\(TestAccount.password)'")
    }

    /// Starts a standby, which follows another server and takes no writes until ``promote()``.
    package convenience init(standbyOf primary: PostgresServer) throws {
        try self.init(certificate: nil, options: []) { data in
            try Programs.run(
                "setpriv",
                [
                    "--reuid", "postgres", "--regid", "postgres", "--clear-groups", "pg_basebackup", "-D", data,
                    "--host=\(primary.directory.path)", "--port=\(primary.port)", "--username=postgres",
                    "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync",
                ], environment: ["PGPASSWORD": TestAccount.password])
        }
        try start()
    }

    /// - Parameter fill: Makes the data directory at a path.
    private init(certificate: String?, options: [String], fill: (_ data: String) throws -> Void) throws {
        directory = try ServerDirectory("postgres", owner: "postgres")
        try directory.makeCertificates(owner: "postgres")
        try fill("\(directory.path)/data")
        port = try LocalPort.free()
        process = ServerProcess(user: "postgres", log: "\(directory.path)/server.log")
        let files = directory.path
        let tls = certificate.map {
            [
                "ssl=on", "ssl_cert_file=\(files)/\($0).pem", "ssl_key_file=\(files)/server.key",
                "ssl_ca_file=\(files)/ca.pem",
            ]
        }
        self.options = (tls ?? []) + options
    }

    /// Has a standby take writes from now on, and waits until it does.
    package func promote() throws { try run(sql: "SELECT pg_promote()") }

    package func start() throws {
        let settings = (["listen_addresses=127.0.0.1"] + options).flatMap { ["-c", $0] }
        try process.start(
            ["postgres", "-D", "\(directory.path)/data", "-p", "\(port)", "-k", directory.path] + settings)
        try waitUntil { try run(sql: "SELECT 1").hasPrefix("1") }
    }

    package func stop() { process.stop(SIGINT) }

    package func createDatabase(_ name: String) throws {
        try run(sql: "CREATE DATABASE \(name) OWNER \(TestAccount.user)")
    }

    @discardableResult
    package func run(sql: String, in database: String?) throws -> String {
        try Programs.run(
            "psql",
            [
                "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--field-separator=\t",
                "--set=ON_ERROR_STOP=1", "--host=\(directory.path)", "--port=\(port)", "--username=postgres",
                "--dbname=\(database ?? "postgres")",
            ], input: sql,
            environment: [
                "PGPASSWORD": TestAccount.password, "PGCONNECT_TIMEOUT": "5", "PGCLIENTENCODING": "UTF8",
            ])
    }

    package func url(database: String, port: UInt16?, password: String) -> String {
        "postgres://\(TestAccount.user):\(password)@127.0.0.1:\(port ?? self.port)/\(database)?sslmode=disable"
    }

    package var administratorURL: String {
        "postgres://postgres:\(TestAccount.encodedPassword)@127.0.0.1:\(port)/postgres?sslmode=disable"
    }

    /// An empty data directory, made once.
    private static let template = Result {
        try Programs.require(["initdb", "postgres", "psql"], from: "postgresql")
        try Programs.require(["setpriv"], from: "util-linux")
        try Programs.require(["ps"], from: "procps")
        let directory = try ServerDirectory("postgres-empty", owner: "postgres")
        try TestAccount.password.write(toFile: "\(directory.path)/password", atomically: true, encoding: .utf8)
        try Programs.run(
            "setpriv",
            [
                "--reuid", "postgres", "--regid", "postgres", "--clear-groups", "initdb", "-D",
                "\(directory.path)/data", "-A", "scram-sha-256", "-U", "postgres",
                "--pwfile=\(directory.path)/password", "-E", "UTF8", "--no-sync",
            ])
        return directory
    }
}
