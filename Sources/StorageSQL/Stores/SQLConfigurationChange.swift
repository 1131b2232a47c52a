internal import ClusterCore

/// A change of configuration: writes rows at once, and the revision and audit entries at its end.
final class SQLConfigurationChange: ConfigurationChange {
    private let transaction: SQLTransaction
    private let actor: AuditActor
    private var pending: [(action: AuditAction, entity: ChangedEntity, detail: String)] = []
    private var isOpen = true
    /// The revision at the beginning. Its row is locked first, so that changes wait for each other there and do not
    /// find out at the end that they clash.
    private var base: Revision?

    init(transaction: SQLTransaction, actor: AuditActor) throws {
        self.transaction = transaction
        self.actor = actor
        self.base = try transaction.revision(locking: true)
    }

    var reader: any StorageReader { SQLReader(transaction: transaction) }

    /// Writes the revision and the audit entries of what was done; nothing if nothing was.
    func record() throws {
        guard !pending.isEmpty else { return }
        guard let old = base else {
            throw StorageError(.notFound, "the database has no cluster yet", advice: "make one with `asnode init`")
        }
        var generator = transaction.generator
        let new = Revision(
            lineage: old.lineage, number: old.number + 1, change: ChangeID(using: &generator))
        let count = try transaction.update(
            RevisionRow(new), where: "id = ? AND number = ? AND change_id = ?",
            [.integer(1), .integer(old.number), .blob(old.change.bytes)])
        guard count == 1 else { throw StorageError(.conflict, "another change of configuration came first") }
        let now = try transaction.now()
        for (index, item) in pending.enumerated() {
            try transaction.insert(
                AuditEntry(
                    revision: new.number, index: index, change: new.change, at: now,
                    actor: AuditActor(kind: actor.kind, name: actor.name.bounded(bytes: 255)), action: item.action,
                    entity: item.entity, detail: item.detail.bounded(bytes: 1000)))
        }
        if let announcement = transaction.connection.dialect.announcement { try transaction.execute(announcement, []) }
    }

    /// Ends the use of the change: what a body kept of it writes nothing later.
    func end() { isOpen = false }

    func createCluster(_ cluster: ClusterInfo) throws {
        try open()
        guard try reader.config.cluster() == nil else { throw ConstraintNames.violation(of: "cluster") }
        try transaction.insert(ClusterRow(cluster: cluster.id, createdAt: cluster.createdAt))
        // Revision 0, which nobody sees: the end of this change makes 1 of it.
        var generator = transaction.generator
        let none = Revision(lineage: cluster.lineage, number: 0, change: ChangeID(using: &generator))
        try transaction.insert(RevisionRow(none))
        base = none
        note(.createCluster, .cluster, cluster.id.description, "")
    }

    /// Makes sure that the change is still under way.
    func open() throws {
        guard isOpen else { throw StorageError(.misuse, "a change of configuration was used after its end") }
    }

    /// Remembers what was done, for the audit log.
    func note(_ action: AuditAction, _ kind: EntityKind, _ id: String, _ detail: String) {
        pending.append((action, ChangedEntity(kind: kind, id: id), detail))
    }

    var rows: SQLTransaction { transaction }
}
