import VPNFormats

extension ServerEndpoint {
    /// Every live session, written out. Secrets.
    public func exportSessions() -> [[UInt8]] {
        self.sessions.compactMap { $0 }.filter(\.isLive).map { $0.encoded() }
    }

    /// Goes on with sessions that another process, now gone, has written out.
    ///
    /// - Returns: Their new handles, each with what was granted; records that cannot be read or whose place is taken
    ///   are left out.
    public mutating func resume(_ records: [[UInt8]], now: Moment) -> [(SessionHandle, Grant)] {
        var resumed: [(SessionHandle, Grant)] = []
        for record in records {
            guard let session = try? ServerSession(decoding: record), session.isLive, let grant = session.grant,
                self.bySession[session.clientSession] == nil, let slot = self.claimSlot(session.peerID)
            else { continue }
            let moved = session.renamed(self.nextHandle())
            self.place(moved, in: slot)
            if moved.data.peerID == nil { self.byPath[moved.path] = slot }
            self.withSession(slot, now: now) { session, context, _, actions in
                session.takeOver(context: context, actions: &actions)
            }
            resumed.append((moved.handle, grant))
        }
        return resumed
    }

    /// The slot that belongs to a peer id, if it is free.
    private mutating func claimSlot(_ peerID: PeerID) -> Int? {
        let slot = Int(peerID.rawValue)
        guard slot < self.limits.maximumSessions else { return nil }
        if slot < self.sessions.count {
            guard self.sessions[slot] == nil else { return nil }
            self.freeSlots.remove(slot)
        }
        while self.sessions.count <= slot {
            if self.sessions.count < slot { self.freeSlots.give(self.sessions.count) }
            self.sessions.append(nil)
        }
        return slot
    }

    /// Replaces every session by what its written-out form reads as. For tests: it must make no difference.
    package mutating func recodeSessions() throws(StateError) {
        for slot in self.sessions.indices {
            if let session = self.sessions[slot] {
                self.sessions[slot] = try ServerSession(decoding: session.encoded())
            }
        }
    }
}
