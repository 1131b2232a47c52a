internal import ClusterCore

/// Reads the cluster, settings, secrets, revisions and audit log from their tables.
struct SQLConfigReader: ConfigReader {
    /// With more changes than this since a revision, loading everything is cheaper.
    static let mostChanges = 10_000

    let transaction: SQLTransaction

    func cluster() throws -> ClusterInfo? {
        guard let row = try transaction.one(ClusterRow.self, where: "id = ?", [.integer(1)]) else { return nil }
        return ClusterInfo(id: row.cluster, lineage: try revision().lineage, createdAt: row.createdAt)
    }

    func revision() throws -> Revision {
        guard let revision = try transaction.revision() else {
            throw StorageError(.notFound, "the database has no cluster yet", advice: "make one with `asnode init`")
        }
        return revision
    }

    func changes(since known: Revision) throws -> ConfigurationDelta {
        let current = try revision()
        if known == current { return .none }
        guard known.lineage == current.lineage, known.number < current.number, try hasHistory(of: known) else {
            return .reloadAll(current)
        }
        let rows = try transaction.rows(
            """
            SELECT DISTINCT entity_kind, entity_id FROM audit_log WHERE revision > ?
            ORDER BY entity_kind, entity_id LIMIT \(Self.mostChanges + 1)
            """, [.integer(known.number)])
        let entities = rows.compactMap { row -> ChangedEntity? in
            guard row.count == 2, case .text(let kind) = row[0], case .text(let id) = row[1] else { return nil }
            return ChangedEntity(kind: EntityKind(rawValue: kind), id: id)
        }
        let isComplete = entities.count == rows.count && rows.count <= Self.mostChanges
        return isComplete ? .changed(entities, current) : .reloadAll(current)
    }

    func settings() throws -> Checked<Settings> {
        guard let cluster = try cluster() else {
            throw StorageError(.notFound, "the database has no cluster yet", advice: "make one with `asnode init`")
        }
        let rows = try transaction.all(SettingRow.self, "ORDER BY name LIMIT \(StorageLimits.batchRows)")
        let stored = Dictionary(rows.value.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        return Checked(Settings(cluster: cluster.id, stored: stored), rejected: rows.rejected)
    }

    func secrets() throws -> Checked<[SealedSecret]> {
        try transaction.all(
            SealedSecret.self, "ORDER BY purpose, created_at DESC, id DESC LIMIT \(StorageLimits.batchRows)")
    }

    func auditEntries(before position: AuditPosition?, limit: Int) throws -> Page<AuditEntry, AuditPosition> {
        let newest = position ?? AuditPosition(revision: .max, index: 0)
        return try transaction.page(
            AuditEntry.self,
            "WHERE revision < ? OR (revision = ? AND position < ?) ORDER BY revision DESC, position DESC",
            [.integer(newest.revision), .integer(newest.revision), .integer(Int64(newest.index))], limit: limit
        ) { raw in
            guard case .integer(let revision) = raw[0], case .integer(let index) = raw[1],
                let index = Int(exactly: index)
            else { return nil }
            return AuditPosition(revision: revision, index: index)
        }
    }

    /// Whether a revision is one that this store was at.
    private func hasHistory(of known: Revision) throws -> Bool {
        try transaction.exists(
            "audit_log", where: "revision = ? AND change_id = ?",
            [.integer(known.number), .blob(known.change.bytes)])
    }
}
