internal import ClusterCore

/// All that the store holds, as a value: a reader keeps the one that it began with.
struct Tables: Sendable {
    /// A name by its bytes: Swift takes strings for equal that differ in their bytes.
    struct Name: Hashable, Sendable {
        let bytes: [UInt8]
        init(_ text: String) { bytes = Array(text.utf8) }
    }

    struct MemoryKey: Hashable, Sendable {
        var node: NodeID
        var user: UserID
        var certificate: CertificateSerial?
    }

    var cluster: (id: ClusterID, createdAt: Timestamp)?
    var revision: Revision?
    var state = StoreState(phase: .ready, since: .epoch)
    var settings: [String: String] = [:]
    var secrets: [SecretID: SealedSecret] = [:]
    var users: [UserID: User] = [:]
    var userNames: [Name: UserID] = [:]
    var certificates: [CertificateSerial: CertificateRecord] = [:]
    var refusals: [TokenSessionID: TokenRefusal] = [:]
    var failures: [UserID: LoginFailures] = [:]
    var nodes: [NodeID: Node] = [:]
    var sessions: [SessionRecordID: Session] = [:]
    var log: [SessionRecordID: ConnectionLogEntry] = [:]
    var memory: [MemoryKey: AddressMemory] = [:]
    var audit: [AuditPosition: AuditEntry] = [:]

    mutating func apply(_ row: Row) {
        switch row {
        case .cluster(let id, let createdAt): cluster = (id, createdAt)
        case .revision(let new): revision = new
        case .state(let new): state = new
        case .setting(let name, let value): settings[name] = value
        case .secret(let secret): secrets[secret.id] = secret
        case .noSecret(let id): secrets[id] = nil
        case .user(let user):
            if let old = users[user.id] { userNames[Name(old.name)] = nil }
            users[user.id] = user
            userNames[Name(user.name)] = user.id
        case .noUser(let id):
            if let old = users.removeValue(forKey: id) { userNames[Name(old.name)] = nil }
        case .certificate(let certificate): certificates[certificate.serial] = certificate
        case .refusal(let refusal): refusals[refusal.tokenSession] = refusal
        case .noRefusal(let id): refusals[id] = nil
        case .failures(let new): failures[new.user] = new
        case .noFailures(let user): failures[user] = nil
        case .node(let node): nodes[node.id] = node
        case .session(let session): sessions[session.id] = session
        case .log(let entry):
            sessions[entry.session.id] = nil
            log[entry.session.id] = entry
        case .noLog(let id): log[id] = nil
        case .memory(let node, let new):
            memory[MemoryKey(node: node, user: new.user, certificate: new.certificate)] = new
        case .noMemory(let user): memory = memory.filter { $0.key.user != user }
        case .audit(let entry): audit[entry.position] = entry
        case .noAudit(let position): audit[position] = nil
        }
    }
}
