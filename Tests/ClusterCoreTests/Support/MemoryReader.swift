@testable import ClusterCore

/// One state of a store, held in memory, that gives lists in pages of two rows.
struct MemoryReader: StorageReader, ConfigReader, AccountReader, CertificateReader {
    var clusterInfo: ClusterInfo?
    var present: Revision
    var time: Timestamp
    var stored: [String: String] = [:]
    var secretRows: [SealedSecret] = []
    var userRows: [User] = []
    var failureRows: [LoginFailures] = []
    var refusalRows: [TokenRefusal] = []
    var certificateRows: [CertificateRecord] = []
    var rejected: [RejectedRow] = []

    var config: any ConfigReader { self }
    var accounts: any AccountReader { self }
    var certificates: any CertificateReader { self }
    var nodes: any NodeReader { Unused() }
    var sessions: any SessionReader { Unused() }
    func now() throws -> Timestamp { time }
    func state() throws -> StoreState { StoreState(phase: .ready, since: .epoch) }

    func cluster() throws -> ClusterInfo? { clusterInfo }
    func revision() throws -> Revision { present }
    func changes(since revision: Revision) throws -> ConfigurationDelta { .reloadAll(present) }
    func settings() throws -> Checked<Settings> {
        guard let clusterInfo else { throw Unexpected() }
        return Checked(Settings(cluster: clusterInfo.id, stored: stored))
    }
    func secrets() throws -> Checked<[SealedSecret]> { Checked(secretRows) }
    func auditEntries(before: AuditPosition?, limit: Int) throws -> Page<AuditEntry, AuditPosition> {
        throw Unexpected()
    }

    func user(_ id: UserID) throws -> User? { userRows.first { $0.id == id } }
    func user(named name: String) throws -> User? { userRows.first { $0.name == name } }
    func userCount() throws -> Int { userRows.count }
    func users(after name: String?, limit: Int) throws -> Page<User, String> {
        page(userRows.sorted { $0.name < $1.name }, after: name, key: \.name, rejected: rejected)
    }
    func loginFailures(of user: UserID) throws -> LoginFailures? { failureRows.first { $0.user == user } }
    func loginFailures(after user: UserID?, limit: Int) throws -> Page<LoginFailures, UserID> {
        page(failureRows.sorted { $0.user < $1.user }, after: user, key: \.user)
    }
    func tokenRefusals(after session: TokenSessionID?, limit: Int) throws -> Page<TokenRefusal, TokenSessionID> {
        page(refusalRows, after: session, key: \.tokenSession)
    }

    func certificate(_ serial: CertificateSerial) throws -> CertificateRecord? {
        certificateRows.first { $0.serial == serial }
    }
    func certificates(of user: UserID) throws -> Checked<[CertificateRecord]> {
        Checked(certificateRows.filter { $0.user == user })
    }
    func certificates(_ kind: CertificateRecord.Kind) throws -> Checked<[CertificateRecord]> {
        Checked(certificateRows.filter { $0.kind == kind }.reversed())
    }
    func certificates(
        after serial: CertificateSerial?, limit: Int
    ) throws -> Page<CertificateRecord, CertificateSerial> {
        page(certificateRows, after: serial, key: \.serial)
    }

    private func page<Row: Sendable, Key: Equatable & Sendable>(
        _ rows: [Row], after key: Key?, key path: KeyPath<Row, Key>, rejected: [RejectedRow] = []
    ) -> Page<Row, Key> {
        let start = key.flatMap { key in rows.firstIndex { $0[keyPath: path] == key }.map { $0 + 1 } } ?? 0
        let part = Array(rows.dropFirst(start).prefix(2))
        let isLast = start + part.count >= rows.count
        return Page(
            rows: part, rejected: key == nil ? rejected : [], next: isLast ? nil : part.last.map { $0[keyPath: path] })
    }

    private struct Unexpected: Error {}

    /// What a snapshot does not read.
    private struct Unused: NodeReader, SessionReader {
        func node(_ id: NodeID) throws -> Node? { throw Unexpected() }
        func node(named name: String) throws -> Node? { throw Unexpected() }
        func nodes() throws -> [Node] { throw Unexpected() }
        func session(_ id: SessionRecordID) throws -> Session? { throw Unexpected() }
        func sessions(after id: SessionRecordID?, limit: Int) throws -> Page<Session, SessionRecordID> {
            throw Unexpected()
        }
        func sessions(of user: UserID) throws -> Checked<[Session]> { throw Unexpected() }
        func sessions(of tokenSession: TokenSessionID) throws -> Checked<[Session]> { throw Unexpected() }
        func connectionLog(
            of user: UserID?, after position: ConnectionLogPosition?, limit: Int
        ) throws -> Page<ConnectionLogEntry, ConnectionLogPosition> { throw Unexpected() }
        func addressMemory(of node: NodeID, limit: Int) throws -> Checked<[AddressMemory]> { throw Unexpected() }
    }
}

extension Fixture {
    /// The store that this fixture describes.
    mutating func reader() throws -> MemoryReader {
        let serverKey = try sealer.seal(server.key, of: server.certificate.serial, using: &random)
        let authorityKey = try sealer.seal(authority.key, of: authority.certificate.serial, using: &random)
        return MemoryReader(
            clusterInfo: ClusterInfo(id: clusterID, lineage: revision.lineage, createdAt: now), present: revision,
            time: now, stored: settings, secretRows: try sealer.seal(shared, createdAt: now, using: &random),
            userRows: users, failureRows: Array(failures.values), refusalRows: refusals,
            certificateRows: [
                authority.certificate.record(as: .authority, privateKey: authorityKey, issuedAt: now),
                server.certificate.record(as: .server, privateKey: serverKey, issuedAt: now),
            ] + records)
    }
}
