internal import ClusterCore
internal import VPNFormats

/// Live sessions, the connection log and the addresses that clients had.
struct Sessions: SessionStore {
    let transaction: Transaction

    func session(_ id: SessionRecordID) throws -> Session? { try transaction.reading().sessions[id] }

    func sessions(after id: SessionRecordID?, limit: Int) throws -> Page<Session, SessionRecordID> {
        try Transaction.page(of: transaction.reading().sessions.values, after: id, limit: limit, at: \.id, by: <)
    }

    func sessions(of user: UserID) throws -> Checked<[Session]> {
        Checked(try transaction.reading().sessions.values.filter { $0.user == user })
    }

    func sessions(of tokenSession: TokenSessionID) throws -> Checked<[Session]> {
        Checked(try transaction.reading().sessions.values.filter { $0.tokenSession == tokenSession })
    }

    func connectionLog(
        of user: UserID?, after position: ConnectionLogPosition?, limit: Int
    ) throws -> Page<ConnectionLogEntry, ConnectionLogPosition> {
        let entries = try transaction.reading().log.values.filter { user == nil || $0.session.user == user }
        return try Transaction.page(
            of: entries, after: position, limit: limit,
            at: { ConnectionLogPosition(endedAt: $0.endedAt, session: $0.session.id) },
            by: { ($0.endedAt, $0.session) > ($1.endedAt, $1.session) })
    }

    func addressMemory(of node: NodeID, limit: Int) throws -> Checked<[AddressMemory]> {
        let limit = try Transaction.checked(limit, maximum: StorageLimits.batchRows)
        let found = try transaction.reading().memory.filter { $0.key.node == node }.map(\.value)
        return Checked(Array(found.sorted { $0.usedAt > $1.usedAt }.prefix(limit)))
    }

    func begin(_ sessions: [Session]) throws {
        try transaction.writing { _ in
            try checkBatch(sessions.count)
            for session in sessions where transaction.tables.log[session.id] == nil {
                for other in transaction.tables.sessions.values where other.id != session.id {
                    guard sharesAddress(session, other) else { continue }
                    guard other.node == session.node else { throw StorageError.rule("session.address") }
                    let reason = "superseded"
                    transaction.put(
                        .log(ConnectionLogEntry(session: other, endedAt: session.connectedAt, reason: reason)))
                }
                transaction.put(.session(session))
                let memory = AddressMemory(
                    user: session.user, certificate: session.certificate, ipv4: session.ipv4, ipv6: session.ipv6,
                    usedAt: session.connectedAt)
                transaction.put(.memory(session.node, memory))
            }
        }
    }

    func update(_ updates: [SessionUpdate]) throws {
        try transaction.writing { _ in
            try checkBatch(updates.count)
            for update in updates {
                guard var session = transaction.tables.sessions[update.id] else { continue }
                session.remoteAddress = update.remoteAddress
                session.updatedAt = transaction.time
                session.traffic.bytesReceived = max(session.traffic.bytesReceived, update.traffic.bytesReceived)
                session.traffic.bytesSent = max(session.traffic.bytesSent, update.traffic.bytesSent)
                transaction.put(.session(session))
            }
        }
    }

    func end(_ ends: [SessionEnd]) throws -> Int {
        try transaction.writing { _ in
            try checkBatch(ends.count)
            return ends.count { end in
                guard var session = transaction.tables.sessions[end.id] else { return false }
                if let traffic = end.traffic { session.traffic = traffic }
                session.updatedAt = end.at
                transaction.put(.log(ConnectionLogEntry(session: session, endedAt: end.at, reason: end.reason)))
                return true
            }
        }
    }

    func endSessions(of node: NodeID, beforeEpoch epoch: Int64, reason: String, limit: Int) throws -> Int {
        try transaction.writing { tables in
            let limit = try Transaction.checked(limit, maximum: StorageLimits.batchRows)
            let stale = tables.sessions.values.filter { $0.node == node && $0.nodeEpoch < epoch }.prefix(limit)
            for session in stale {
                let end = session.updatedAt
                transaction.put(.log(ConnectionLogEntry(session: session, endedAt: end, reason: reason)))
            }
            return stale.count
        }
    }

    func pruneConnectionLog(endedBefore time: Timestamp, limit: Int) throws -> Int {
        try transaction.writing { tables in
            let limit = try Transaction.checked(limit, maximum: StorageLimits.batchRows)
            let old = tables.log.values.filter { $0.endedAt < time }.sorted { $0.endedAt < $1.endedAt }.prefix(limit)
            for entry in old { transaction.put(.noLog(entry.session.id)) }
            return old.count
        }
    }

    private func sharesAddress(_ left: Session, _ right: Session) -> Bool {
        (left.ipv4 != nil && left.ipv4 == right.ipv4) || (left.ipv6 != nil && left.ipv6 == right.ipv6)
    }

    private func checkBatch(_ count: Int) throws {
        guard count <= StorageLimits.batchRows else {
            throw StorageError(.misuse, "a batch of \(count) rows is larger than \(StorageLimits.batchRows)")
        }
    }
}
