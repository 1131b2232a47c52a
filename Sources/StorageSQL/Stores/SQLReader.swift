internal import ClusterCore

/// What the body of a `read` gets.
struct SQLReader: StorageReader {
    let transaction: SQLTransaction

    var config: any ConfigReader { SQLConfigReader(transaction: transaction) }
    var accounts: any AccountReader { SQLAccountStore(transaction: transaction) }
    var certificates: any CertificateReader { SQLCertificateReader(transaction: transaction) }
    var nodes: any NodeReader { SQLNodeStore(transaction: transaction) }
    var sessions: any SessionReader { SQLSessionStore(transaction: transaction) }

    func state() throws -> StoreState { try transaction.state() }

    func now() throws -> Timestamp { try transaction.now() }
}

/// What the body of a `write` gets.
struct SQLWriter: StorageWriter {
    let transaction: SQLTransaction

    var reader: any StorageReader { SQLReader(transaction: transaction) }
    var config: any ConfigReader { SQLConfigReader(transaction: transaction) }
    var accounts: any AccountStore { SQLAccountStore(transaction: transaction) }
    var certificates: any CertificateReader { SQLCertificateReader(transaction: transaction) }
    var nodes: any NodeStore { SQLNodeStore(transaction: transaction) }
    var sessions: any SessionStore { SQLSessionStore(transaction: transaction) }

    func now() throws -> Timestamp { try transaction.now() }

    func change<T>(by actor: AuditActor, _ body: (any ConfigurationChange) throws -> T) throws -> T {
        guard !transaction.isChanging else {
            throw StorageError(.misuse, "a change of configuration was begun within another one")
        }
        transaction.isChanging = true
        defer { transaction.isChanging = false }
        do {
            let change = try SQLConfigurationChange(transaction: transaction, actor: actor)
            defer { change.end() }
            let value = try body(change)
            try change.record()
            return value
        } catch {
            transaction.poison(error)
            throw error
        }
    }

    func setState(_ phase: StoreState.Phase, target: String?) throws {
        guard (target ?? "").utf8.count <= 1024, phase != .ready || target == nil else {
            throw StorageError(.invalid, "the place that a store moves to has at most 1,024 bytes")
        }
        let row = StateRow(StoreState(phase: phase, target: target, since: try now()))
        guard try transaction.update(row, where: "id = ?", [.integer(1)]) == 1 else { throw SQLTransaction.noState }
        // Databases that certify written rows alone do not see that others read the phase: so that it clashes with every
        // transaction under way, this one writes what they write.
        let touch = SQLValue.integer(Int64(truncatingIfNeeded: transaction.generator.next() >> 1))
        try transaction.execute("UPDATE revision SET touched = ?", [touch])
        try transaction.execute("UPDATE nodes SET touched = ?", [touch])
    }

    func pruneAuditLog(before time: Timestamp, limit: Int) throws -> Int {
        let limit = try SQLTransaction.checked(limit, maximum: StorageLimits.batchRows)
        let newest = try config.revision().number
        let keys = try transaction.rows(
            """
            SELECT revision, position FROM audit_log WHERE at < ? AND revision <= ?
            ORDER BY revision, position LIMIT \(limit)
            """, [.integer(time.microseconds), .integer(newest - 1000)])
        for key in keys {
            try transaction.execute("DELETE FROM audit_log WHERE revision = ? AND position = ?", key)
        }
        return keys.count
    }
}
