internal import ClusterCore
internal import StorageSQL

/// What only one sort of database can be asked, and how.
protocol ServerQuestions {
    /// Product, version and how many servers are written to.
    func identity(_ connection: any SQLConnection) throws -> ServerIdentity
    /// The version of TLS; `nil` without.
    func tlsVersion(_ connection: any SQLConnection) throws -> String?
    /// The isolation of the transaction that runs.
    func isolation(_ connection: any SQLConnection) throws -> String
}

/// What a server says it is.
struct ServerIdentity {
    var product: String
    var version: String
    /// The version as numbers, most significant first.
    var number: [Int]
    /// The first version that is supported.
    var least: [Int]
    var servers = 1

    var isSupported: Bool { !number.lexicographicallyPrecedes(least) }
}

struct SQLiteQuestions: ServerQuestions {
    func identity(_ connection: any SQLConnection) throws -> ServerIdentity {
        let version = try connection.word("SELECT sqlite_version()")
        // The first with STRICT tables: https://www.sqlite.org/stricttables.html
        return ServerIdentity(product: "SQLite", version: version, number: numbers(of: version), least: [3, 37])
    }

    func tlsVersion(_ connection: any SQLConnection) throws -> String? { nil }

    func isolation(_ connection: any SQLConnection) throws -> String { "serializable" }
}

struct MySQLQuestions: ServerQuestions {
    func identity(_ connection: any SQLConnection) throws -> ServerIdentity {
        let version = try connection.word("SELECT VERSION()")
        let isMariaDB = version.contains("MariaDB")
        return ServerIdentity(
            product: isMariaDB ? "MariaDB" : "MySQL", version: version, number: numbers(of: version),
            least: isMariaDB ? [10, 6] : [8, 0], servers: try servers(connection))
    }

    /// The servers of a Galera cluster.
    private func servers(_ connection: any SQLConnection) throws -> Int {
        let size = try connection.word("SHOW STATUS LIKE 'wsrep_cluster_size'", column: 1)
        return max(Int(size) ?? 1, 1)
    }

    func tlsVersion(_ connection: any SQLConnection) throws -> String? {
        let version = try connection.word("SHOW SESSION STATUS LIKE 'Ssl_version'", column: 1)
        return version.isEmpty ? nil : version
    }

    func isolation(_ connection: any SQLConnection) throws -> String {
        // MariaDB had the one name until 11.1, MySQL has the other since 8.0.3.
        let names = "SHOW SESSION VARIABLES WHERE Variable_name IN ('transaction_isolation', 'tx_isolation')"
        return try connection.word(names, column: 1).lowercased().replacing("-", with: " ")
    }
}

struct PostgresQuestions: ServerQuestions {
    func identity(_ connection: any SQLConnection) throws -> ServerIdentity {
        let version = try connection.word("SELECT current_setting('server_version')")
        let number = Int(try connection.word("SELECT current_setting('server_version_num')")) ?? 0
        return ServerIdentity(product: "PostgreSQL", version: version, number: [number / 10_000], least: [13])
    }

    func tlsVersion(_ connection: any SQLConnection) throws -> String? {
        let statement = "SELECT version FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl"
        let version = try connection.word(statement)
        return version.isEmpty ? nil : version
    }

    func isolation(_ connection: any SQLConnection) throws -> String {
        try connection.word("SELECT current_setting('transaction_isolation')")
    }
}

/// The numbers that a version begins with: 10, 11, 6 of `10.11.6-MariaDB`.
private func numbers(of version: String) -> [Int] {
    version.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }.split(separator: ".").compactMap { Int($0) }
}

extension SQLConnection {
    /// A text of the first row, at most 100 characters of one line, for a person; empty when there is no row.
    fileprivate func word(_ statement: String, column: Int = 0) throws -> String {
        guard let row = try rows(statement).first, row.indices.contains(column) else { return "" }
        let text =
            switch row[column] {
            case .text(let text): text
            case .blob(let bytes): String(decoding: bytes.prefix(100), as: UTF8.self)
            case .integer(let number): "\(number)"
            default: ""
            }
        return String(
            String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7f }).prefix(100))
    }
}
