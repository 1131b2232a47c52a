internal import ClusterCore

/// The row that says which cluster this is.
struct ClusterRow: AuthenticatedStoredRow {
    static let table = "cluster"
    static let columns = ["id", "cluster_id", "created_at"]
    static let selection = makeSelection()

    var cluster: ClusterID
    var createdAt: Timestamp

    var values: [SQLValue] { [.integer(1), .blob(cluster.bytes), .integer(createdAt.microseconds)] }

    init(cluster: ClusterID, createdAt: Timestamp) {
        self.cluster = cluster
        self.createdAt = createdAt
    }

    init(from row: inout RowReader) throws {
        _ = try row.integer()
        self.init(cluster: try row.identifier(), createdAt: try row.timestamp())
    }
}

/// The row that every change of configuration writes.
struct RevisionRow: StoredRow {
    static let table = "revision"
    static let columns = ["id", "lineage", "number", "change_id"]
    static let selection = makeSelection()

    var revision: Revision

    var values: [SQLValue] {
        [.integer(1), .blob(revision.lineage.bytes), .integer(revision.number), .blob(revision.change.bytes)]
    }

    init(_ revision: Revision) { self.revision = revision }

    init(from row: inout RowReader) throws {
        _ = try row.integer()
        self.init(
            Revision(lineage: try row.identifier(), number: try row.integer(), change: try row.identifier()))
    }
}

/// The row that says whether the store takes writes.
struct StateRow: AuthenticatedStoredRow {
    static let table = "store_state"
    static let columns = ["id", "phase", "target", "since"]
    static let selection = makeSelection()

    var state: StoreState

    var values: [SQLValue] {
        [
            .integer(1), .text(state.phase.rawValue), .text(state.target), .integer(state.since.microseconds),
        ]
    }

    init(_ state: StoreState) { self.state = state }

    init(from row: inout RowReader) throws {
        _ = try row.integer()
        self.init(
            StoreState(
                phase: try row.text { StoreState.Phase(rawValue: $0) }, target: try row.optionalText { $0 },
                since: try row.timestamp()))
    }
}

/// A setting that was set.
struct SettingRow: AuthenticatedStoredRow {
    static let table = "settings"
    static let columns = ["name", "value"]
    static let selection = makeSelection()

    var name: String
    var value: String

    var values: [SQLValue] { [.text(name), .text(value)] }

    init(name: String, value: String) {
        self.name = name
        self.value = value
    }

    init(from row: inout RowReader) throws {
        self.init(name: try row.text(), value: try row.text())
    }
}

extension SealedSecret: AuthenticatedStoredRow {
    static let table = "secrets"
    static let columns = ["id", "purpose", "value", "created_at"]
    static let selection = makeSelection()

    var values: [SQLValue] {
        [.blob(id.bytes), .text(purpose.rawValue), .blob(value.bytes), .integer(createdAt.microseconds)]
    }

    init(from row: inout RowReader) throws {
        self.init(
            id: try row.identifier(), purpose: SecretPurpose(rawValue: try row.text()),
            value: try row.bytes { SealedValue($0) }, createdAt: try row.timestamp())
    }
}

extension AuditEntry: StoredRow {
    static let table = "audit_log"
    static let columns = [
        "revision", "position", "change_id", "at", "actor_kind", "actor_name", "action", "entity_kind", "entity_id",
        "detail",
    ]
    static let selection = makeSelection()

    var values: [SQLValue] {
        [
            .integer(revision), .integer(Int64(index)), .blob(change.bytes), .integer(at.microseconds),
            .text(actor.kind.rawValue), .text(actor.name), .text(action.rawValue), .text(entity.kind.rawValue),
            .text(entity.id), .text(detail),
        ]
    }

    init(from row: inout RowReader) throws {
        self.init(
            revision: try row.integer(), index: try row.count(), change: try row.identifier(),
            at: try row.timestamp(),
            actor: AuditActor(kind: try row.text { AuditActor.Kind(rawValue: $0) }, name: try row.text()),
            action: AuditAction(rawValue: try row.text()),
            entity: ChangedEntity(kind: EntityKind(rawValue: try row.text()), id: try row.text()),
            detail: try row.text())
    }
}
