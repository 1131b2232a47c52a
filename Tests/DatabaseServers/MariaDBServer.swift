import Foundation
import Glibc
import Synchronization

/// A MariaDB server, alone or as a member of a ``GaleraCluster``, with defaults that an application must not rely on:
/// no strict mode, latin1.
package final class MariaDBServer: DatabaseServer {
    /// What a server needs to be a member of a cluster.
    struct Membership: Sendable {
        var name: String
        /// The first of three ports for the members among themselves.
        var basePort: UInt16
        /// The first ports of all members.
        var members: [UInt16]
        /// Settings of the Galera library, `name=value`.
        var settings: [String]
    }

    package let port: UInt16
    package let directory: ServerDirectory
    package let process: ServerProcess
    private let options: [String]
    private let membership: Membership?

    /// Starts a server; the databases `kit…` are ``TestAccount``'s.
    ///
    /// - Parameters:
    ///   - certificate: The certificate's file in its directory, without `.pem`; `nil` for a server without TLS.
    ///   - options: More options of `mariadbd`.
    package convenience init(certificate: String? = "server", options: [String] = []) throws {
        try self.init(certificate: certificate, options: options, membership: nil)
        try start()
        try addTestAccount()
    }

    init(certificate: String?, options: [String], membership: Membership?) throws {
        directory = try ServerDirectory("mariadb", owner: "mysql")
        let template = try Self.template.get()
        try directory.makeCertificates(owner: "mysql")
        try Programs.run("cp", ["-a", "\(template.path)/data", "\(directory.path)/data"])
        port = try LocalPort.free()
        process = ServerProcess(user: "mysql", log: "\(directory.path)/server.log")
        let files = directory.path
        let tls = certificate.map {
            ["--ssl-cert=\(files)/\($0).pem", "--ssl-key=\(files)/server.key", "--ssl-ca=\(files)/ca.pem"]
        }
        self.options = options + (tls ?? [])
        self.membership = membership
    }

    package func start() throws { try start(asFirst: false) }

    /// - Parameter isFirst: Whether it begins a new cluster that others join.
    func start(asFirst isFirst: Bool) throws {
        let arguments =
            Self.common + [
                "--datadir=\(directory.path)/data", "--socket=\(directory.path)/socket", "--port=\(port)",
                "--bind-address=127.0.0.1", "--innodb-buffer-pool-size=64M", "--sql-mode=",
                "--character-set-server=latin1",
            ]
        let first = isFirst ? ["--wsrep-new-cluster"] : []
        try process.start(["mariadbd"] + arguments + (membership?.options ?? []) + first + options)
        try waitUntil { try isReady() }
    }

    package func stop() { process.stop(SIGTERM) }

    /// Whether it takes statements now; a member of a cluster, whether it is one of the majority and up to date.
    package func isReady() throws -> Bool {
        guard membership != nil else { return try run(sql: "SELECT 1").hasPrefix("1") }
        let state = try run(sql: "SHOW STATUS WHERE Variable_name IN ('wsrep_local_state_comment', 'wsrep_ready')")
        return state.contains("Synced") && state.contains("ON")
    }

    func addTestAccount() throws {
        try run(
            sql: """
                CREATE USER \(TestAccount.user)@'%' IDENTIFIED BY '\(TestAccount.password)';
                GRANT ALL ON `kit%`.* TO \(TestAccount.user)@'%';
                CREATE DATABASE kit;
                """)
    }

    package func createDatabase(_ name: String) throws {
        try run(sql: "CREATE DATABASE \(name); GRANT ALL ON \(name).* TO \(TestAccount.user)@'%'")
    }

    @discardableResult
    package func run(sql: String, in database: String?) throws -> String {
        try Programs.run(
            "mariadb",
            [
                "--no-defaults", "--user=root", "--socket=\(directory.path)/socket", "--connect-timeout=5",
                "--default-character-set=utf8mb4", "--batch", "--skip-column-names", database ?? "mysql",
            ], input: sql)
    }

    package func url(database: String, port: UInt16?, password: String) -> String {
        "mysql://\(TestAccount.user):\(password)@127.0.0.1:\(port ?? self.port)/\(database)"
            + "?ssl-mode=disabled&connect-timeout=5"
    }

    package var administratorURL: String {
        "mysql://root@localhost/mysql?socket=\(directory.path)/socket&ssl-mode=disabled"
    }

    private static let common = ["--no-defaults", "--innodb-log-file-size=32M"]

    /// An empty data directory, made once.
    private static let template = Result {
        try Programs.require(["mariadbd", "mariadb-install-db", "mariadb"], from: "mariadb-server")
        try Programs.require(["setpriv"], from: "util-linux")
        try Programs.require(["ps"], from: "procps")
        let directory = try ServerDirectory("mariadb-empty", owner: "mysql")
        try Programs.run(
            "mariadb-install-db",
            common + [
                "--datadir=\(directory.path)/data", "--auth-root-authentication-method=normal", "--skip-test-db",
                "--user=mysql",
            ])
        return directory
    }
}

extension MariaDBServer.Membership {
    fileprivate var options: [String] {
        let library = ["base_port=\(basePort)", "ist.recv_addr=127.0.0.1:\(basePort + 1)"] + settings
        return [
            "--wsrep-on=ON", "--wsrep-provider=\(GaleraCluster.library)", "--wsrep-cluster-name=test",
            "--wsrep-cluster-address=gcomm://" + members.map { "127.0.0.1:\($0)" }.joined(separator: ","),
            "--wsrep-node-name=\(name)", "--wsrep-node-address=127.0.0.1:\(basePort)", "--wsrep-sst-method=rsync",
            "--wsrep-sst-receive-address=127.0.0.1:\(basePort + 2)",
            "--wsrep-provider-options=" + library.joined(separator: ";"), "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2",
        ]
    }
}
