extension Snapshot {
    /// The most rows of one kind that a node holds. More is refused instead of running out of memory.
    static let rowLimit = 2_000_000

    /// Reads a whole snapshot in one transaction.
    ///
    /// - Parameters:
    ///   - reader: The transaction. Its backend was given a ``ClusterRowAuthenticator`` of the same key, which is what
    ///     finds rows that others wrote.
    ///   - key: The cluster key.
    /// - Throws: ``SnapshotError`` when there is no cluster in the store, or it lacks what a node cannot serve without;
    ///   ``StorageError`` when the store cannot be read.
    public static func load(from reader: any StorageReader, key: ClusterKey) throws -> Snapshot {
        guard let cluster = try reader.config.cluster() else {
            throw SnapshotError(.noCluster, "there is no cluster in this store: run `asnode init` first")
        }
        let sealer = Sealer(key: key, clusterID: cluster.id)
        var problems: [SnapshotProblem] = []
        let settings = usable(try reader.config.settings(), &problems)
        let secretRows = usable(try reader.config.secrets(), &problems)
        let (secrets, unreadable) = try SecretRing.open(secretRows, sealer: sealer)
        let server = try serverIdentity(reader, sealer: sealer, &problems)
        let users = try allRows(&problems) { try reader.accounts.users(after: $0, limit: StorageLimits.pageRows) }
        let failures = try allRows(&problems) {
            try reader.accounts.loginFailures(after: $0, limit: StorageLimits.pageRows)
        }
        let refusals = try allRows(&problems) {
            try reader.accounts.tokenRefusals(after: $0, limit: StorageLimits.pageRows)
        }
        let records = try allRows(&problems) {
            try reader.certificates.certificates(after: $0, limit: StorageLimits.pageRows)
        }
        return Snapshot(
            cluster: cluster, revision: try reader.config.revision(), readAt: try reader.now(), settings: settings,
            users: users, certificates: records.compactMap { KnownCertificate($0) }, refusals: refusals,
            failures: failures, secrets: secrets, server: server,
            problems: unique(problems + unreadable + settings.problems.map { .invalidSetting($0) }), sealer: sealer)
    }

    /// Each problem once: some rows are read in two ways.
    private static func unique(_ problems: [SnapshotProblem]) -> [SnapshotProblem] {
        var seen: Set<SnapshotProblem> = []
        return problems.filter { seen.insert($0).inserted }
    }

    private static func usable<Value>(_ checked: Checked<Value>, _ problems: inout [SnapshotProblem]) -> Value {
        problems += checked.rejected.map { .rejectedRow($0) }
        return checked.value
    }

    private static func allRows<Row, Position>(
        _ problems: inout [SnapshotProblem], _ page: (Position?) throws -> Page<Row, Position>
    ) throws -> [Row] {
        var rows: [Row] = []
        var position: Position?
        repeat {
            let part = try page(position)
            rows += part.rows
            problems += part.rejected.map { .rejectedRow($0) }
            position = part.next
            guard rows.count <= rowLimit else {
                throw SnapshotError(.tooLarge, "a table of the store has more than \(rowLimit) rows")
            }
        } while position != nil
        return rows
    }

    private static func serverIdentity(
        _ reader: any StorageReader, sealer: Sealer, _ problems: inout [SnapshotProblem]
    ) throws -> ServerIdentity {
        var authorities: [IssuedCertificate] = []
        for record in usable(try reader.certificates.certificates(.authority), &problems) {
            if let certificate = usableCertificate(record, &problems) { authorities.append(certificate) }
        }
        guard !authorities.isEmpty else { throw missing("certificate authority") }
        for record in usable(try reader.certificates.certificates(.server), &problems) {
            guard let certificate = usableCertificate(record, &problems), let sealed = record.privateKey else {
                continue
            }
            do throws(SecretsError) {
                let key = try sealer.openKey(sealed, of: record.serial)
                return ServerIdentity(authorities: authorities, certificate: certificate, key: key)
            } catch {
                problems.append(.unusableCertificate(record.serial, why: error.message))
            }
        }
        throw missing("server certificate whose key can be opened")
    }

    private static func usableCertificate(
        _ record: CertificateRecord, _ problems: inout [SnapshotProblem]
    ) -> IssuedCertificate? {
        guard record.revocation == nil else { return nil }
        do throws(PKIError) {
            return try IssuedCertificate(LeafIdentity.certificate(der: record.der), der: record.der)
        } catch {
            problems.append(.unusableCertificate(record.serial, why: error.message))
            return nil
        }
    }

    private static func missing(_ what: String) -> SnapshotError {
        SnapshotError(
            .certificateMissing, "the store has no usable \(what): check that cluster.key belongs to this database")
    }
}

extension CertificateAuthority {
    /// Takes over the newest authority of the store that is not revoked, with its key: what issuing certificates needs.
    ///
    /// - Throws: ``SnapshotError`` with code `certificateMissing` when there is none; ``SecretsError`` when its key
    ///   cannot be opened; ``PKIError`` when certificate and key do not belong together; ``StorageError``.
    public static func load(from reader: any StorageReader, sealer: Sealer) throws -> CertificateAuthority {
        let records = try reader.certificates.certificates(.authority).value
        guard let record = records.first(where: { $0.revocation == nil }), let sealed = record.privateKey else {
            throw SnapshotError(.certificateMissing, "the store has no certificate authority: run `asnode init`")
        }
        return try CertificateAuthority(der: record.der, key: sealer.openKey(sealed, of: record.serial))
    }
}
