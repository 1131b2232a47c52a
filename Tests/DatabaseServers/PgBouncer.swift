import Foundation
import Glibc

/// A pooler in transaction mode before a PostgreSQL server: each transaction may run in another session.
package final class PgBouncer: Sendable {
    /// Where it listens on 127.0.0.1.
    package let port: UInt16
    private let directory: ServerDirectory
    private let process: ServerProcess

    /// Starts one.
    ///
    /// - Parameters:
    ///   - server: Where transactions run.
    ///   - sessions: How many sessions there are for a database.
    package init(to server: PostgresServer, sessions: Int) throws {
        try Programs.require(["pgbouncer"], from: "pgbouncer")
        directory = try ServerDirectory("pgbouncer", owner: "postgres")
        port = try LocalPort.free()
        process = ServerProcess(user: "postgres", log: "\(directory.path)/log")
        let settings = """
            [databases]
            * = host=127.0.0.1 port=\(server.port)
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = \(port)
            unix_socket_dir =
            auth_type = scram-sha-256
            auth_file = \(directory.path)/users
            pool_mode = transaction
            default_pool_size = \(sessions)

            """
        try settings.write(toFile: "\(directory.path)/settings", atomically: true, encoding: .utf8)
        try "\"\(TestAccount.user)\" \"\(TestAccount.password)\"\n".write(
            toFile: "\(directory.path)/users", atomically: true, encoding: .utf8)
        try process.start(["pgbouncer", "\(directory.path)/settings"])
        var last = ""
        for _ in 0..<200 where process.isRunning {
            do {
                try Programs.run(
                    "psql",
                    [
                        "--no-psqlrc", "--host=127.0.0.1", "--port=\(port)", "--username=\(TestAccount.user)",
                        "--dbname=postgres", "--command=SELECT 1",
                    ], environment: ["PGPASSWORD": TestAccount.password, "PGCONNECT_TIMEOUT": "5"])
                return
            } catch {
                last = "\(error)"
                usleep(100_000)
            }
        }
        throw ServerFailure("the pooler does not answer: \(last)\n\(process.lastWords)")
    }

    /// The URL of a database for ``TestAccount`` as a pooler needs it.
    package func url(database: String) -> String {
        "postgres://\(TestAccount.user):\(TestAccount.encodedPassword)@127.0.0.1:\(port)/\(database)"
            + "?sslmode=disable&prepared-statements=off"
    }
}
