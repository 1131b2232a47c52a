internal import ClusterCore

/// The row that marks a database server's database as ours, and that a process leases while it migrates: on some
/// databases each statement that changes the schema commits by itself, so a transaction is no lock there.
///
/// The lease of another process is taken over when its row stood still for ``life`` on this process's own clock. A step
/// that takes longer may then run twice, which every step allows.
package struct MigrationLease {
    /// The table; a database that has it is ours.
    package static let table = SQLTable(
        "asnode_store",
        [.init("id", .integer), .init("holder", .bytes(16)), .init("turn", .integer)], primaryKey: ["id"])

    /// How long a row has to stand still until its holder is taken for dead.
    package static let life = Duration.seconds(60)
    private static let free: [UInt8] = []

    private let connection: any SQLConnection
    private let holder: [UInt8]
    private let environment: StorageEnvironment

    /// - Parameters:
    ///   - connection: Where the migration runs, without a transaction.
    ///   - environment: The clock by which a dead holder is told, and the randomness that tells holders apart.
    package init(connection: any SQLConnection, environment: StorageEnvironment) {
        self.connection = connection
        self.environment = environment
        self.holder = (0..<2).flatMap { _ in
            withUnsafeBytes(of: environment.random()) { Array($0) }
        }
    }

    /// Waits until no other process migrates, and keeps others out.
    ///
    /// - Parameter pause: Waits between two looks.
    /// - Throws: ``ClusterCore/StorageError`` with `busy` when another process migrates for longer than twice
    ///   ``life``.
    package func acquire(pause: () -> Void) throws {
        try makeTable(pause: pause)
        let start = environment.uptime()
        var seen: [SQLValue]?
        var seenAt = start
        while environment.uptime() - start < Self.life * 2 {
            let row = try connection.rows("SELECT holder, turn FROM asnode_store WHERE id = ?", [.integer(1)]).first
            if row != seen {
                seen = row
                seenAt = environment.uptime()
            }
            guard let row, row.count == 2, case .integer(let turn) = row[1] else {
                throw StorageError(
                    .malformedRow, "the table asnode_store lacks its row", advice: "restore the database from a backup")
            }
            let isFree = row[0] == .blob(Self.free) || row[0] == .blob(holder)
            if isFree || environment.uptime() - seenAt >= Self.life {
                if try take(from: row[0], turn: turn) { return }
            }
            pause()
        }
        throw StorageError(
            .busy, "another process has been migrating the database for too long", advice: "try again later")
    }

    /// Says that the holder lives; before each step.
    ///
    /// - Throws: ``ClusterCore/StorageError`` with `busy` when another process took the lease over.
    package func renew() throws {
        for _ in 0..<10 {
            let count = try change(
                "UPDATE asnode_store SET turn = turn + 1 WHERE id = ? AND holder = ?", [.integer(1), .blob(holder)])
            if count == 1 { return }
            // Another process that looked at the row may have been in the way.
            let row = try connection.rows("SELECT holder FROM asnode_store WHERE id = ?", [.integer(1)]).first
            guard row == [.blob(holder)] else { break }
        }
        throw StorageError(.busy, "another process took the migration over", advice: "look what it says")
    }

    /// Lets others migrate. What cannot be given back is taken over after ``life``.
    package func release() {
        _ = try? change(
            "UPDATE asnode_store SET holder = ?, turn = turn + 1 WHERE id = ? AND holder = ?",
            [.blob(Self.free), .integer(1), .blob(holder)])
    }

    private func take(from previous: SQLValue, turn: Int64) throws -> Bool {
        try change(
            "UPDATE asnode_store SET holder = ?, turn = turn + 1 WHERE id = ? AND holder = ? AND turn = ?",
            [.blob(holder), .integer(1), previous, .integer(turn)]) == 1
    }

    /// Makes the table and its row; several processes may do so at once, of which all but one fail, and look again.
    private func makeTable(pause: () -> Void) throws {
        var failure: (any Error)?
        for attempt in 0..<10 {
            if attempt > 0 { pause() }
            do {
                for statement in connection.dialect.creating(Self.table) { try connection.execute(statement) }
                if try !connection.rows("SELECT id FROM asnode_store WHERE id = ?", [.integer(1)]).isEmpty { return }
                let count = try change(
                    "INSERT INTO asnode_store (id, holder, turn) VALUES (?, ?, ?)",
                    [.integer(1), .blob(Self.free), .integer(0)])
                if count == 1 { return }
            } catch let error as StorageError where error.code != .permission && connection.isUsable {
                failure = error
            }
        }
        throw failure ?? StorageError(.busy, "other processes make the database's tables", advice: "try again later")
    }

    /// One statement in a transaction of its own.
    ///
    /// - Returns: How many rows it changed; 0 when another transaction was in the way.
    private func change(_ statement: String, _ values: [SQLValue]) throws -> Int {
        do {
            try connection.begin(.write)
            let count = try connection.execute(statement, values)
            try connection.commit()
            return count
        } catch let error as StorageError where error.code == .conflict || error.code == .busy {
            connection.rollback()
            return 0
        } catch {
            connection.rollback()
            throw error
        }
    }
}
