internal import ClusterCore
internal import VPNFormats

/// Live sessions, the connection log and the addresses that clients had, in their tables.
struct SQLSessionStore: SessionStore {
    let transaction: SQLTransaction

    func session(_ id: SessionRecordID) throws -> Session? {
        try transaction.one(Session.self, where: "id = ?", [.blob(id.bytes)])
    }

    func sessions(after id: SessionRecordID?, limit: Int) throws -> Page<Session, SessionRecordID> {
        try transaction.page(
            Session.self, "WHERE id > ? ORDER BY id", [.blob(id?.bytes ?? [])], limit: limit
        ) { raw in
            if case .blob(let bytes) = raw[0] { SessionRecordID(bytes: bytes) } else { nil }
        }
    }

    func sessions(of user: UserID) throws -> Checked<[Session]> {
        try transaction.all(
            Session.self, "WHERE user_id = ? ORDER BY id LIMIT \(StorageLimits.batchRows)", [.blob(user.bytes)])
    }

    func sessions(of tokenSession: TokenSessionID) throws -> Checked<[Session]> {
        try transaction.all(
            Session.self, "WHERE token_session = ? ORDER BY id LIMIT \(StorageLimits.batchRows)",
            [.blob(tokenSession.bytes)])
    }

    func connectionLog(
        of user: UserID?, after position: ConnectionLogPosition?, limit: Int
    ) throws -> Page<ConnectionLogEntry, ConnectionLogPosition> {
        var conditions: [String] = []
        var values: [SQLValue] = []
        if let user {
            conditions.append("user_id = ?")
            values.append(.blob(user.bytes))
        }
        if let position {
            conditions.append("(ended_at < ? OR (ended_at = ? AND id < ?))")
            let ended = SQLValue.integer(position.endedAt.microseconds)
            values += [ended, ended, .blob(position.session.bytes)]
        }
        let filter = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
        return try transaction.page(
            ConnectionLogEntry.self, "\(filter) ORDER BY ended_at DESC, id DESC", values, limit: limit
        ) { raw in
            guard case .blob(let bytes) = raw[0], let session = SessionRecordID(bytes: bytes),
                case .integer(let ended) = raw[Session.columns.count]
            else { return nil }
            return ConnectionLogPosition(endedAt: Timestamp(microseconds: ended), session: session)
        }
    }

    func addressMemory(of node: NodeID, limit: Int) throws -> Checked<[AddressMemory]> {
        let limit = try SQLTransaction.checked(limit, maximum: StorageLimits.batchRows)
        let rows = try transaction.all(
            AddressMemoryRow.self, "WHERE node_id = ? ORDER BY used_at DESC, user_id, certificate LIMIT \(limit)",
            [.blob(node.bytes)])
        return Checked(rows.value.map(\.memory), rejected: rows.rejected)
    }
}

// MARK: - Writing

extension SQLSessionStore {
    func begin(_ sessions: [Session]) throws {
        try Self.checkBatch(sessions.count)
        for session in sessions where try !isOver(session.id) {
            try supersede(by: session)
            let count = try transaction.update(session, where: "id = ?", [.blob(session.id.bytes)])
            if count == 0 { try transaction.insert(session) }
            try remember(session)
        }
    }

    func update(_ updates: [SessionUpdate]) throws {
        try Self.checkBatch(updates.count)
        // Many get one time.
        if updates.count > 1 { _ = try transaction.now() }
        let now = try transaction.timeExpression()
        for update in updates {
            let received = SQLValue.integer(update.traffic.bytesReceived)
            let sent = SQLValue.integer(update.traffic.bytesSent)
            try transaction.execute(
                """
                UPDATE sessions SET remote_address = ?, updated_at = \(now.text),
                bytes_received = CASE WHEN bytes_received < ? THEN ? ELSE bytes_received END,
                bytes_sent = CASE WHEN bytes_sent < ? THEN ? ELSE bytes_sent END WHERE id = ?
                """,
                [.text("\(update.remoteAddress)")] + now.values
                    + [received, received, sent, sent, .blob(update.id.bytes)])
        }
    }

    func end(_ ends: [SessionEnd]) throws -> Int {
        try Self.checkBatch(ends.count)
        var count = 0
        for end in ends {
            guard var session = try session(end.id) else { continue }
            if let traffic = end.traffic { session.traffic = traffic }
            session.updatedAt = end.at
            try archive(ConnectionLogEntry(session: session, endedAt: end.at, reason: end.reason))
            count += 1
        }
        return count
    }

    func endSessions(of node: NodeID, beforeEpoch epoch: Int64, reason: String, limit: Int) throws -> Int {
        let limit = try SQLTransaction.checked(limit, maximum: StorageLimits.batchRows)
        let stale = try transaction.all(
            Session.self, "WHERE node_id = ? AND node_epoch < ? ORDER BY id LIMIT \(limit)",
            [.blob(node.bytes), .integer(epoch)])
        for session in stale.value {
            try archive(ConnectionLogEntry(session: session, endedAt: session.updatedAt, reason: reason))
        }
        return stale.value.count
    }

    func pruneConnectionLog(endedBefore time: Timestamp, limit: Int) throws -> Int {
        let limit = try SQLTransaction.checked(limit, maximum: StorageLimits.batchRows)
        let keys = try transaction.rows(
            "SELECT id FROM connection_log WHERE ended_at < ? ORDER BY ended_at LIMIT \(limit)",
            [.integer(time.microseconds)])
        for key in keys { try transaction.execute("DELETE FROM connection_log WHERE id = ?", key) }
        return keys.count
    }

    /// Moves a live session to the log; if it is there already, only the live row goes.
    private func archive(_ entry: ConnectionLogEntry) throws {
        if try !isOver(entry.session.id) { try transaction.insert(entry) }
        try transaction.execute("DELETE FROM sessions WHERE id = ?", [.blob(entry.session.id.bytes)])
    }

    private func isOver(_ id: SessionRecordID) throws -> Bool {
        try transaction.exists("connection_log", where: "id = ?", [.blob(id.bytes)])
    }

    /// Ends sessions of the same node that hold one of the addresses of a new session.
    private func supersede(by session: Session) throws {
        let held = try transaction.all(
            Session.self, "WHERE node_id = ? AND id <> ? AND (ipv4 = ? OR ipv6 = ?) LIMIT 10",
            [
                .blob(session.node.bytes), .blob(session.id.bytes), .blob(session.ipv4?.bytes),
                .blob(session.ipv6?.bytes),
            ])
        for old in held.value {
            try archive(ConnectionLogEntry(session: old, endedAt: session.connectedAt, reason: "superseded"))
        }
    }

    private func remember(_ session: Session) throws {
        let memory = AddressMemory(
            user: session.user, certificate: session.certificate, ipv4: session.ipv4, ipv6: session.ipv6,
            usedAt: session.connectedAt)
        let row = AddressMemoryRow(node: session.node, memory: memory)
        let count = try transaction.update(
            row, where: "node_id = ? AND user_id = ? AND certificate = ?", Array(row.values.prefix(3)))
        if count == 0 { try transaction.insert(row) }
    }

    private static func checkBatch(_ count: Int) throws {
        guard count <= StorageLimits.batchRows else {
            throw StorageError(.misuse, "a batch of \(count) rows is larger than \(StorageLimits.batchRows)")
        }
    }
}
