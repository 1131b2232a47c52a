internal import ClusterCore
internal import VPNFormats

/// Knows revisions by their numbers.
struct NumberedConfig: ConfigReader {
    let base: any ConfigReader

    func changes(since revision: Revision) throws -> ConfigurationDelta {
        let now = try base.revision()
        let entry = try base.auditEntries(before: AuditPosition(revision: revision.number, index: .max), limit: 1).rows
        guard let found = entry.first, found.revision == revision.number else { return .reloadAll(now) }
        return try base.changes(
            since: Revision(lineage: now.lineage, number: revision.number, change: found.change))
    }

    func cluster() throws -> ClusterInfo? { try base.cluster() }
    func revision() throws -> Revision { try base.revision() }
    func settings() throws -> Checked<Settings> { try base.settings() }
    func secrets() throws -> Checked<[SealedSecret]> { try base.secrets() }
    func auditEntries(before position: AuditPosition?, limit: Int) throws -> Page<AuditEntry, AuditPosition> {
        try base.auditEntries(before: position, limit: limit)
    }
}

/// Forgets the fence, or asks the clock about it.
struct MutantNodes: NodeStore {
    let base: any NodeStore
    let now: () throws -> Timestamp
    let mutant: BackendMutant

    func renew(_ lease: NodeLease) throws -> NodeLease {
        guard let node = try base.node(lease.node) else { return try base.renew(lease) }
        if mutant == .forgetsFence { return try base.renew(node.lease) }
        guard try node.lastSeenAt <= now() else { throw StorageError(.fenced, "the clock went back") }
        return try base.renew(lease)
    }

    func node(_ id: NodeID) throws -> Node? { try base.node(id) }
    func node(named name: String) throws -> Node? { try base.node(named: name) }
    func nodes() throws -> [Node] { try base.nodes() }
    func add(_ node: Node) throws { try base.add(node) }
    func beginEpoch(of id: NodeID, after epoch: Int64, hostname: String, softwareVersion: String) throws -> Node {
        try base.beginEpoch(of: id, after: epoch, hostname: hostname, softwareVersion: softwareVersion)
    }
    func stop(_ lease: NodeLease) throws { try base.stop(lease) }
    func setSubnets(_ subnets: [IPPrefix], of id: NodeID) throws { try base.setSubnets(subnets, of: id) }
    func setState(_ state: Node.State, of id: NodeID) throws { try base.setState(state, of: id) }
}

/// Writes over whatever version there is.
struct UnversionedAccounts: AccountStore {
    let base: any AccountStore

    func record(_ failures: LoginFailures) throws -> LoginFailures {
        var blind = failures
        blind.version = try base.loginFailures(of: failures.user)?.version ?? 0
        return try base.record(blind)
    }

    func user(_ id: UserID) throws -> User? { try base.user(id) }
    func user(named name: String) throws -> User? { try base.user(named: name) }
    func users(after name: String?, limit: Int) throws -> Page<User, String> {
        try base.users(after: name, limit: limit)
    }
    func userCount() throws -> Int { try base.userCount() }
    func loginFailures(of user: UserID) throws -> LoginFailures? { try base.loginFailures(of: user) }
    func loginFailures(after user: UserID?, limit: Int) throws -> Page<LoginFailures, UserID> {
        try base.loginFailures(after: user, limit: limit)
    }
    func tokenRefusals(after session: TokenSessionID?, limit: Int) throws -> Page<TokenRefusal, TokenSessionID> {
        try base.tokenRefusals(after: session, limit: limit)
    }
    func clearLoginFailures(of user: UserID) throws -> Bool { try base.clearLoginFailures(of: user) }
    func pruneTokenRefusals(expiredBefore time: Timestamp, limit: Int) throws -> Int {
        try base.pruneTokenRefusals(expiredBefore: time, limit: limit)
    }
}

/// Writes over whatever version there is.
struct UnversionedChange: ConfigurationChange {
    let base: any ConfigurationChange

    func update(_ user: User) throws -> User {
        var blind = user
        blind.version = try reader.accounts.user(user.id)?.version ?? user.version
        return try base.update(blind)
    }

    var reader: any StorageReader { base.reader }
    func createCluster(_ cluster: ClusterInfo) throws { try base.createCluster(cluster) }
    func set(_ setting: String, to text: String) throws { try base.set(setting, to: text) }
    func unset(_ setting: String) throws { try base.unset(setting) }
    func add(_ user: User) throws -> User { try base.add(user) }
    func removeUser(_ id: UserID) throws { try base.removeUser(id) }
    func add(_ certificate: CertificateRecord) throws -> CertificateRecord { try base.add(certificate) }
    func revokeCertificate(_ serial: CertificateSerial, _ revocation: Revocation) throws {
        try base.revokeCertificate(serial, revocation)
    }
    func add(_ secret: SealedSecret) throws { try base.add(secret) }
    func removeSecret(_ id: SecretID) throws { try base.removeSecret(id) }
    func refuse(_ refusal: TokenRefusal) throws { try base.refuse(refusal) }
}
