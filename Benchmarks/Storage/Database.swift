import BareClients
import ClusterCore
import DatabaseServers
import StorageMySQL
import StoragePostgres
import StorageSQL
import StorageSQLite

/// A database that is measured: how the stores open it, and how a bare client of the same library does.
struct Database {
    typealias OpenBare = (
        _ setup: String?, UnsafePointer<bare_script>, _ error: UnsafeMutablePointer<CChar>
    ) -> UnsafeMutablePointer<bare_client>?

    /// The name in tables.
    let name: String
    /// Opens the store, which is made when it is not there.
    let open: (_ connections: Int) async throws -> any StorageBackend
    /// One connection of the driver.
    let connect: () throws -> any SQLConnection
    /// Opens one bare connection, and runs a statement at first.
    let openBare: OpenBare
    /// How the bare client begins a transaction that reads.
    let beginRead: String
    /// How it begins one that writes, with the stores' isolation.
    let beginWrite: String
    /// What sets the isolation up front, where `beginWrite` cannot.
    var setupWrite: String?
}

extension Database {
    /// A file.
    static func sqlite(_ path: String) throws -> Database {
        let options = SQLiteOptions(authenticator: try Cluster.authenticator())
        return Database(
            name: "SQLite",
            open: { _ in try await SQLiteBackend.open(path, mode: .create, options: options) },
            connect: { NullConnection() },
            openBare: { bare_sqlite_open(path, $0, $1, $2) },
            beginRead: "BEGIN", beginWrite: "BEGIN IMMEDIATE")
    }

    /// A database on a server.
    static func mariadb(_ server: MariaDBServer, _ database: String) throws -> Database {
        let authenticator = try Cluster.authenticator()
        let address = try known(MySQLAddress(url: server.url(database: database)))
        func options(_ connections: Int) -> MySQLOptions {
            MySQLOptions(authenticator: authenticator, readers: connections, writers: connections)
        }
        return Database(
            name: "MariaDB",
            open: { try await MySQLBackend.open(address, mode: .create, options: options($0)) },
            connect: { try MySQLBackend.connect(address, options: options(1)) },
            openBare: { setup, script, error in
                withBare(server, database) { bare_mariadb_open($0, setup, script, error) }
            },
            beginRead: "START TRANSACTION READ ONLY", beginWrite: "START TRANSACTION",
            setupWrite: "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    }

    /// A database on a server.
    static func postgres(_ server: PostgresServer, _ database: String) throws -> Database {
        let authenticator = try Cluster.authenticator()
        let address = try known(PostgresAddress(url: server.url(database: database)))
        func options(_ connections: Int) -> PostgresOptions {
            PostgresOptions(authenticator: authenticator, readers: connections, writers: connections)
        }
        return Database(
            name: "PostgreSQL",
            open: { try await PostgresBackend.open(address, mode: .create, options: options($0)) },
            connect: { try PostgresBackend.connect(address, options: options(1)) },
            openBare: { setup, script, error in
                withBare(server, database) { bare_postgres_open($0, setup, script, error) }
            },
            beginRead: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            beginWrite: "BEGIN ISOLATION LEVEL SERIALIZABLE")
    }

    private static func known<Address>(_ address: Address?) throws -> Address {
        guard let address else { throw BareClients.Failure(description: "the database's URL was not understood") }
        return address
    }

    private static func withBare<T>(
        _ server: some DatabaseServer, _ database: String, _ body: (UnsafePointer<bare_server>) -> T
    ) -> T {
        TestAccount.user.withCString { user in
            TestAccount.password.withCString { password in
                database.withCString { database in
                    "127.0.0.1".withCString { host in
                        var access = bare_server(
                            host: host, port: server.port, user: user, password: password, database: database)
                        return body(&access)
                    }
                }
            }
        }
    }
}
