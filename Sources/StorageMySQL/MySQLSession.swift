internal import CMariaDB
internal import ClusterCore
internal import StorageSQL

/// What a session is told before its first use, and what it tells.
struct MySQLSession {
    private static let mode =
        "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
        + "NO_ENGINE_SUBSTITUTION"

    /// Whether the server is MariaDB, not MySQL.
    let isMariaDB: Bool
    /// Whether the server is one of a Galera cluster.
    let isGalera: Bool

    /// Makes a session strict and bounded, whatever the server's defaults; blocks.
    ///
    /// - Throws: ``ClusterCore/StorageError``: `readOnly` when the server takes no writes; `connectionLost` when it went
    ///   away, or is not part of its cluster.
    init(_ wire: MySQLWire, _ limits: MySQLLimits) throws {
        isMariaDB = wire.serverVersion.contains("MariaDB")
        let lock = max(1, limits.lock.wholeMicroseconds / 1_000_000)
        let milliseconds = max(1, limits.statement.wholeMicroseconds / 1000)
        try wire.simple("SET NAMES utf8mb4")
        try wire.simple(
            "SET SESSION sql_mode = '\(Self.mode)', SESSION time_zone = '+00:00', SESSION autocommit = 1, "
                + "SESSION innodb_lock_wait_timeout = \(lock)")
        try wire.simple("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE")
        // MySQL has a limit for reading statements alone; others are stopped from here.
        try wire.simple(
            isMariaDB
                ? "SET SESSION max_statement_time = \(Double(milliseconds) / 1000)"
                : "SET SESSION max_execution_time = \(milliseconds)")
        // What others committed before is waited for on servers that are all written to, Galera and group replication;
        // 1193 is a server without that, 1227 one that leaves it to its administrator.
        do {
            try wire.simple(
                isMariaDB
                    ? "SET SESSION wsrep_sync_wait = 7"
                    : "SET SESSION group_replication_consistency = 'BEFORE'")
        } catch let error as StorageError where ["error 1193", "error 1227"].contains(error.nativeCode) {}
        isGalera = isMariaDB ? try wire.row("SHOW VARIABLES LIKE 'wsrep_on'").last == "ON" : false
        // A server that is no part of its Galera cluster refuses this one.
        let row = try wire.row("SELECT @@read_only, CONNECTION_ID()")
        guard row.first == "0" else {
            throw StorageError(
                .readOnly, "the server takes no writes", advice: "it may be a former primary; name the present one")
        }
        try wire.stopper.know(
            row.last ?? "", at: wire.row("SELECT host FROM information_schema.processlist WHERE id = CONNECTION_ID()"))
    }
}
