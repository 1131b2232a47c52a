internal import ClusterCore
internal import VPNEngine
internal import VPNProtocol

/// A part of the queue as rows: what one transaction writes.
struct RecordBatch: Sendable {
    var begins: [Session] = []
    var ends: [SessionEnd] = []
    var updates: [SessionUpdate] = []
    var failures: [UserID: LoginFailures?] = [:]

    /// - Parameters:
    ///   - events: In the order in which they happened.
    ///   - node: Who serves the sessions.
    ///   - ciphers: The ciphers of sessions, as far as they are known.
    init(_ events: [RecordedEvent], node: NodeLease, ciphers: [SessionHandle: String]) {
        var endedCiphers: [SessionRecordID: String] = [:]
        for case .ended(let end, let cipher?) in events { endedCiphers[end.id] = cipher }
        for event in events {
            switch event {
            case .began(let handle, let session):
                let cipher = ciphers[handle] ?? endedCiphers[session.record] ?? ""
                begins.append(Session(session, node: node, cipher: cipher))
            case .ended(let end, _): ends.append(end)
            case .failed(let row): failures[row.user] = .some(row)
            case .clearedFailures(let user): failures[user] = .some(nil)
            }
        }
    }

    /// Writes the rows; the node's own row first, which proves that this process is still the node.
    ///
    /// - Returns: The lease to show next time.
    func write(to writer: any StorageWriter, lease: NodeLease) throws -> NodeLease {
        let next = try writer.nodes.renew(lease)
        if !begins.isEmpty { try writer.sessions.begin(begins) }
        if !updates.isEmpty { try writer.sessions.update(updates) }
        if !ends.isEmpty { try writer.sessions.end(ends) }
        for (user, row) in failures { try write(row, of: user, to: writer) }
        return next
    }

    /// Another node may have counted too since the row was read: what both counted holds.
    private func write(_ row: LoginFailures?, of user: UserID, to writer: any StorageWriter) throws {
        guard let row else {
            try writer.accounts.clearLoginFailures(of: user)
            return
        }
        guard try writer.reader.accounts.user(user) != nil else { return }
        let stored = try writer.reader.accounts.loginFailures(of: user)
        var merged = row
        if let stored, stored.version != row.version, stored.firstAt <= row.firstAt {
            merged.count = max(row.count, stored.count)
            merged.lockedUntil = [row.lockedUntil, stored.lockedUntil].compactMap(\.self).max()
        }
        merged.version = stored?.version ?? 0
        try writer.accounts.record(merged)
    }
}

extension Session {
    /// The row of a session that went live.
    init(_ session: AdmittedSession, node: NodeLease, cipher: String) {
        let since = session.liveSince ?? session.admittedAt
        self.init(
            id: session.record, tokenSession: session.admission.tokenSession, user: session.admission.userID,
            userName: session.admission.userName, certificate: session.admission.certificate, node: node.node,
            nodeEpoch: node.epoch, remoteAddress: session.remote, ipv4: session.addresses.ipv4,
            ipv6: session.addresses.ipv6, cipher: cipher, clientVersion: session.clientVersion,
            clientPlatform: session.clientPlatform, connectedAt: since, updatedAt: since)
    }
}
