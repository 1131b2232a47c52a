internal import ClusterCore

/// What the body of a `read` gets.
struct Reader: StorageReader {
    let transaction: Transaction

    var config: any ConfigReader { Config(transaction: transaction) }
    var accounts: any AccountReader { Accounts(transaction: transaction) }
    var certificates: any CertificateReader { Certificates(transaction: transaction) }
    var nodes: any NodeReader { Nodes(transaction: transaction) }
    var sessions: any SessionReader { Sessions(transaction: transaction) }
    func state() throws -> StoreState { try transaction.reading().state }

    func now() throws -> Timestamp {
        _ = try transaction.reading()
        return transaction.time
    }
}

/// What the body of a `write` gets.
struct Writer: StorageWriter {
    let transaction: Transaction
    let random: @Sendable () -> UInt64

    var reader: any StorageReader { Reader(transaction: transaction) }
    var config: any ConfigReader { Config(transaction: transaction) }
    var accounts: any AccountStore { Accounts(transaction: transaction) }
    var certificates: any CertificateReader { Certificates(transaction: transaction) }
    var nodes: any NodeStore { Nodes(transaction: transaction) }
    var sessions: any SessionStore { Sessions(transaction: transaction) }
    func now() throws -> Timestamp { try reader.now() }

    func change<T>(by actor: AuditActor, _ body: (any ConfigurationChange) throws -> T) throws -> T {
        guard !transaction.isChanging else {
            throw StorageError(.misuse, "a change of configuration was begun within another one")
        }
        transaction.isChanging = true
        defer { transaction.isChanging = false }
        return try transaction.writing { _ in
            let change = Change(transaction: transaction, actor: actor, random: random)
            defer { change.end() }
            let value = try body(change)
            try change.record()
            return value
        }
    }

    func setState(_ phase: StoreState.Phase, target: String?) throws {
        try transaction.writing { _ in
            guard (target ?? "").utf8.count <= 1024 else { throw StorageError(.invalid, "the target is too long") }
            let target = phase == .ready ? nil : target
            transaction.put(.state(StoreState(phase: phase, target: target, since: transaction.time)))
        }
    }

    func pruneAuditLog(before time: Timestamp, limit: Int) throws -> Int {
        try transaction.writing { tables in
            let limit = try Transaction.checked(limit, maximum: StorageLimits.batchRows)
            let newest = try config.revision().number
            let old = tables.audit.values.filter { $0.at < time && $0.revision <= newest - 1000 }
            let positions = old.map(\.position).sorted().prefix(limit)
            for position in positions { transaction.put(.noAudit(position)) }
            return positions.count
        }
    }
}

/// The cluster, settings, secrets, revisions and the audit log.
struct Config: ConfigReader {
    let transaction: Transaction

    func cluster() throws -> ClusterInfo? {
        let tables = try transaction.reading()
        guard let cluster = tables.cluster, let revision = tables.revision else { return nil }
        return ClusterInfo(id: cluster.id, lineage: revision.lineage, createdAt: cluster.createdAt)
    }

    func revision() throws -> Revision {
        guard let revision = try transaction.reading().revision else {
            throw StorageError(.notFound, "the store has no cluster yet", advice: "make one with `asnode init`")
        }
        return revision
    }

    func changes(since known: Revision) throws -> ConfigurationDelta {
        let now = try revision()
        if known == now { return .none }
        let audit = try transaction.reading().audit.values
        guard known.lineage == now.lineage, known.number < now.number,
            audit.contains(where: { $0.revision == known.number && $0.change == known.change })
        else { return .reloadAll(now) }
        return .changed(Array(Set(audit.filter { $0.revision > known.number }.map(\.entity))), now)
    }

    func settings() throws -> Checked<Settings> {
        guard let cluster = try cluster() else { throw StorageError(.notFound, "the store has no cluster yet") }
        return Checked(Settings(cluster: cluster.id, stored: try transaction.reading().settings))
    }

    func secrets() throws -> Checked<[SealedSecret]> {
        Checked(
            try transaction.reading().secrets.values.sorted { left, right in
                (left.purpose.rawValue, right.createdAt, right.id) < (right.purpose.rawValue, left.createdAt, left.id)
            })
    }

    func auditEntries(before position: AuditPosition?, limit: Int) throws -> Page<AuditEntry, AuditPosition> {
        try Transaction.page(
            of: transaction.reading().audit.values, after: position, limit: limit, at: \.position, by: >)
    }
}

/// The certificates.
struct Certificates: CertificateReader {
    let transaction: Transaction

    func certificate(_ serial: CertificateSerial) throws -> CertificateRecord? {
        try transaction.reading().certificates[serial]
    }

    func certificates(of user: UserID) throws -> Checked<[CertificateRecord]> { try newest { $0.user == user } }

    func certificates(_ kind: CertificateRecord.Kind) throws -> Checked<[CertificateRecord]> {
        try newest { $0.kind == kind }
    }

    func certificates(
        after serial: CertificateSerial?, limit: Int
    ) throws -> Page<CertificateRecord, CertificateSerial> {
        try Transaction.page(
            of: transaction.reading().certificates.values, after: serial, limit: limit, at: \.serial,
            by: { $0.bytes.precedes($1.bytes) })
    }

    private func newest(_ isMeant: (CertificateRecord) -> Bool) throws -> Checked<[CertificateRecord]> {
        Checked(try transaction.reading().certificates.values.filter(isMeant).sorted { $0.issuedAt > $1.issuedAt })
    }
}
