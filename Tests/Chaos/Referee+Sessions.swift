import ClusterCore

extension Referee {
    /// What is known of one session.
    private struct Life {
        var begin: Deeds.Deed
        var address: UInt32
        var ends: [Deeds.Deed] = []
        var updates: [(bytes: Int64, deed: Deeds.Deed)] = []
    }

    /// Each session that began is in one place, with what was last said of it.
    mutating func checkSessions() {
        var lives = begunSessions()
        for deed in deeds.all.values {
            switch deed.operation {
            case .endSessions(_, let ids): for id in ids { lives[id]?.ends.append(deed) }
            case .updateSessions(_, let ids, let bytes): for id in ids { lives[id]?.updates.append((bytes, deed)) }
            default: break
            }
        }
        let live = Dictionary(grouping: image.live, by: \.id)
        let over = Dictionary(grouping: image.log, by: \.session.id)
        for id in Set(live.keys).union(over.keys) where lives[id] == nil {
            findings.append("session \(id) is in no journal")
        }
        for (id, life) in lives {
            let (rows, entries) = (live[id] ?? [], over[id] ?? [])
            if rows.count + entries.count > 1 {
                findings.append("session \(id) is there \(rows.count + entries.count) times")
            }
            let isThere = !rows.isEmpty || !entries.isEmpty
            if isThere, !life.begin.outcome.mayBeThere {
                findings.append(
                    "session \(id) is there, but \(life.begin.name) was refused (\(life.begin.reason ?? ""))")
            }
            if !isThere, !life.begin.outcome.mayBeMissing {
                findings.append("session \(id) of \(life.begin.name) was acknowledged and is lost")
            }
            if let entry = entries.first { checkEnd(entry, life, lives) }
            if let end = life.ends.first(where: { $0.outcome == .acknowledged }), !rows.isEmpty {
                findings.append("session \(id) is live, but \(end.name) ended it")
            }
            if let session = rows.first ?? entries.first?.session { checkTraffic(session, life) }
        }
        checkBatches(Set(live.keys).union(over.keys))
    }

    private func begunSessions() -> [SessionRecordID: Life] {
        var lives: [SessionRecordID: Life] = [:]
        for deed in deeds.all.values {
            guard case .beginSessions(_, let sessions) = deed.operation else { continue }
            for session in sessions { lives[session.id] = Life(begin: deed, address: session.address) }
        }
        return lives
    }

    private mutating func checkEnd(_ entry: ConnectionLogEntry, _ life: Life, _ lives: [SessionRecordID: Life]) {
        if entry.reason == "superseded" {
            let hasHeir = lives.contains {
                $0.key != entry.session.id && $0.value.address == life.address && $0.value.begin.outcome.mayBeThere
            }
            if !hasHeir { findings.append("session \(entry.session.id) was superseded by none") }
            return
        }
        guard let deed = deeds.all[entry.reason] else {
            findings.append("session \(entry.session.id) was ended by \(entry.reason), which is in no journal")
            return
        }
        let mayEnd: Bool
        switch deed.operation {
        case .endSessions(_, let ids): mayEnd = ids.contains(entry.session.id)
        case .beginEpoch(let node, let epoch): mayEnd = entry.session.node == node && entry.session.nodeEpoch <= epoch
        default: mayEnd = false
        }
        if !mayEnd || !deed.outcome.mayBeThere {
            findings.append("session \(entry.session.id) was ended by \(deed.name), \(deed.outcome)")
        }
    }

    /// Counters never go back, and are what some update said that was not refused.
    private mutating func checkTraffic(_ session: Session, _ life: Life) {
        let bytes = session.traffic.bytesReceived
        let acknowledged = life.updates.filter { $0.deed.outcome == .acknowledged }.map(\.bytes).max() ?? 0
        let possible = life.updates.filter { $0.deed.outcome.mayBeThere }.map(\.bytes) + [0]
        let wasWrittenAfterEnd = bytes < acknowledged
        if wasWrittenAfterEnd, !image.log.contains(where: { $0.session.id == session.id }) {
            findings.append("session \(session.id) has \(bytes) bytes, though \(acknowledged) were acknowledged")
        }
        if !possible.contains(bytes) || session.traffic.bytesSent != bytes {
            findings.append("session \(session.id) has counters that nobody reported")
        }
    }

    /// Of the sessions of one transaction all are there or none.
    private mutating func checkBatches(_ there: Set<SessionRecordID>) {
        for deed in deeds.all.values {
            guard case .beginSessions(_, let sessions) = deed.operation else { continue }
            let count = sessions.count { there.contains($0.id) }
            if count != 0, count != sessions.count {
                findings.append("\(deed.name) is there in part: \(count) of \(sessions.count) sessions")
            }
        }
    }
}
