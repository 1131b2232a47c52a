internal import ClusterCore
internal import StorageMySQL
internal import StoragePostgres
internal import StorageSQLite

/// Where a cluster's database is, whatever sort of database that is.
///
/// | text | database |
/// |---|---|
/// | `sqlite:///FILE` | a SQLite file, by its absolute path |
/// | `mysql://…`, `mariadb://…` | a server of the MySQL family, see ``StorageMySQL/MySQLAddress`` |
/// | `postgres://…`, `postgresql://…` | a PostgreSQL server, see ``StoragePostgres/PostgresAddress`` |
///
/// Its description has no password; ``text`` has.
public struct DatabaseURL: Hashable, Sendable {
    /// A sort of database.
    public enum Family: String, Hashable, Sendable, CaseIterable {
        /// One file on this machine.
        case sqlite
        /// MariaDB and MySQL, Galera and group replication.
        case mysql
        /// PostgreSQL.
        case postgres
    }

    /// The URL, read.
    enum Place: Hashable, Sendable {
        case file(String)
        case mysql(MySQLAddress)
        case postgres(PostgresAddress)
    }

    /// The longest text that is read, in bytes.
    public static let limitBytes = 8192

    /// The URL as it was given, which may hold a password: for `node.yaml`, never for a log.
    public let text: String
    let place: Place

    /// Reads a URL. Nothing is opened or resolved.
    ///
    /// - Throws: ``ClusterCore/StorageError`` with `invalid`; the message has no password in it.
    public init(_ text: String) throws {
        guard text.utf8.count <= Self.limitBytes else {
            throw StorageError(.invalid, "a database URL has at most \(Self.limitBytes) bytes")
        }
        if let path = try SQLiteURL.path(of: text) {
            place = .file(path)
        } else if let address = try MySQLAddress(url: text) {
            place = .mysql(address)
        } else if let address = try PostgresAddress(url: text) {
            place = .postgres(address)
        } else {
            throw StorageError(
                .invalid, "this is no database URL",
                advice: "write sqlite:///FILE, mysql://USER@HOST/DATABASE or postgres://USER@HOST/DATABASE")
        }
        self.text = text
    }

    /// The URL of a SQLite file.
    ///
    /// - Parameter path: The file's absolute path.
    public init(file path: String) {
        text = SQLiteURL.url(of: path)
        place = .file(path)
    }

    /// The sort of database.
    public var family: Family {
        switch place {
        case .file: .sqlite
        case .mysql: .mysql
        case .postgres: .postgres
        }
    }

    /// The file, when it is one on this machine.
    public var filePath: String? {
        if case .file(let path) = place { path } else { nil }
    }
}

extension DatabaseURL: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The URL without password and options.
    public var description: String {
        switch place {
        case .file(let path): SQLiteURL.url(of: path)
        case .mysql(let address): address.description
        case .postgres(let address): address.description
        }
    }

    /// The same as ``description``.
    public var debugDescription: String { description }

    /// The same as ``description``: dumps show no password either.
    public var customMirror: Mirror { Mirror(self, children: ["url": description]) }
}
