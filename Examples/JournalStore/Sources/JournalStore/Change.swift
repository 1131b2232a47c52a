internal import ClusterCore

/// A change of configuration: writes rows at once, and the revision and audit entries at its end.
final class Change: ConfigurationChange {
    private struct Note {
        var action: AuditAction
        var entity: ChangedEntity
        var detail: String
    }

    private struct Generator: RandomNumberGenerator {
        let random: @Sendable () -> UInt64
        func next() -> UInt64 { random() }
    }

    private let transaction: Transaction
    private let actor: AuditActor
    private let random: @Sendable () -> UInt64
    private var notes: [Note] = []
    private var isOpen = true

    init(transaction: Transaction, actor: AuditActor, random: @escaping @Sendable () -> UInt64) {
        self.transaction = transaction
        self.actor = actor
        self.random = random
    }

    var reader: any StorageReader { Reader(transaction: transaction) }

    func end() { isOpen = false }

    /// Writes the revision and the audit entries of what was done; nothing if nothing was.
    func record() throws {
        guard !notes.isEmpty else { return }
        let old = try reader.config.revision()
        var generator = Generator(random: random)
        let new = Revision(lineage: old.lineage, number: old.number + 1, change: ChangeID(using: &generator))
        transaction.put(.revision(new))
        for (index, note) in notes.enumerated() {
            transaction.put(
                .audit(
                    AuditEntry(
                        revision: new.number, index: index, change: new.change, at: transaction.time, actor: actor,
                        action: note.action, entity: note.entity, detail: note.detail)))
        }
    }

    func createCluster(_ cluster: ClusterInfo) throws {
        try writing { tables in
            guard tables.cluster == nil else { throw StorageError.rule("cluster") }
            var generator = Generator(random: random)
            transaction.put(.cluster(cluster.id, createdAt: cluster.createdAt))
            // Revision 0, which nobody sees: the end of this change makes 1 of it.
            transaction.put(
                .revision(Revision(lineage: cluster.lineage, number: 0, change: ChangeID(using: &generator))))
            note(.createCluster, .cluster, "\(cluster.id)")
        }
    }

    func set(_ setting: String, to text: String) throws {
        try writing { tables in
            let value = try SettingDefinition.named(setting).normalised(text)
            guard tables.settings[setting] != value else { return }
            transaction.put(.setting(setting, value))
            note(.setSetting, .setting, setting, value)
        }
    }

    func unset(_ setting: String) throws {
        try writing { tables in
            guard tables.settings[setting] != nil else {
                _ = try SettingDefinition.named(setting)
                return
            }
            transaction.put(.setting(setting, nil))
            note(.unsetSetting, .setting, setting)
        }
    }

    func add(_ user: User) throws -> User {
        try writing { tables in
            try check(user)
            guard tables.users[user.id] == nil else { throw StorageError.rule("user.id") }
            guard tables.userNames[Tables.Name(user.name)] == nil else { throw StorageError.rule("user.name") }
            var stored = user
            stored.version = 1
            transaction.put(.user(stored))
            note(.addUser, .user, "\(user.id)", user.name)
            return stored
        }
    }

    func update(_ user: User) throws -> User {
        try writing { tables in
            try check(user)
            guard let old = tables.users[user.id] else { throw StorageError.missing("user") }
            guard old.version == user.version else { throw StorageError.outdated("user") }
            var stored = user
            stored.createdAt = old.createdAt
            // Names that differ in their bytes alone are equal for Swift.
            if stored == old, Tables.Name(stored.name) == Tables.Name(old.name) { return old }
            let holder = tables.userNames[Tables.Name(user.name)]
            guard holder == nil || holder == user.id else { throw StorageError.rule("user.name") }
            stored.version += 1
            transaction.put(.user(stored))
            note(.updateUser, .user, "\(user.id)", user.name)
            return stored
        }
    }

    func removeUser(_ id: UserID) throws {
        try writing { tables in
            guard let user = tables.users[id] else { throw StorageError.missing("user") }
            transaction.put(.noUser(id))
            transaction.put(.noFailures(id))
            transaction.put(.noMemory(id))
            note(.removeUser, .user, "\(id)", user.name)
            let revocation = Revocation(at: transaction.time, reason: .cessationOfOperation)
            for certificate in tables.certificates.values where certificate.user == id {
                revoke(certificate, revocation)
            }
        }
    }

    func add(_ certificate: CertificateRecord) throws -> CertificateRecord {
        try writing { tables in
            guard tables.certificates[certificate.serial] == nil else {
                throw StorageError.rule("certificate.serial")
            }
            guard certificate.commonName.utf8.count <= 255, (1...65_536).contains(certificate.der.count) else {
                throw StorageError(.invalid, "a certificate breaks the limits that the store has for one")
            }
            var stored = certificate
            stored.version = 1
            transaction.put(.certificate(stored))
            note(.issueCertificate, .certificate, "\(certificate.serial)", certificate.commonName)
            return stored
        }
    }

    func revokeCertificate(_ serial: CertificateSerial, _ revocation: Revocation) throws {
        try writing { tables in
            guard let certificate = tables.certificates[serial] else { throw StorageError.missing("certificate") }
            revoke(certificate, revocation)
        }
    }

    func add(_ secret: SealedSecret) throws {
        try writing { tables in
            guard tables.secrets[secret.id] == nil else { throw StorageError.rule("secret.id") }
            transaction.put(.secret(secret))
            note(.addSecret, .secret, "\(secret.id)", secret.purpose.rawValue)
        }
    }

    func removeSecret(_ id: SecretID) throws {
        try writing { tables in
            guard tables.secrets[id] != nil else { throw StorageError.missing("secret") }
            transaction.put(.noSecret(id))
            note(.removeSecret, .secret, "\(id)")
        }
    }

    func refuse(_ refusal: TokenRefusal) throws {
        try writing { tables in
            var refusal = refusal
            if let old = tables.refusals[refusal.tokenSession] {
                if old.expiresAt >= refusal.expiresAt { return }
                refusal.refusedAt = old.refusedAt
            }
            transaction.put(.refusal(refusal))
            note(.refuseToken, .tokenRefusal, "\(refusal.tokenSession)")
        }
    }

    private func revoke(_ certificate: CertificateRecord, _ revocation: Revocation) {
        guard certificate.revocation == nil else { return }
        var revoked = certificate
        revoked.revocation = revocation
        revoked.version += 1
        transaction.put(.certificate(revoked))
        note(.revokeCertificate, .certificate, "\(certificate.serial)", revocation.reason.rawValue)
    }

    private func check(_ user: User) throws {
        guard (1...255).contains(user.name.utf8.count) else {
            throw StorageError(.invalid, "the name of a user has 1 to 255 bytes")
        }
    }

    private func writing<T>(_ body: (Tables) throws -> T) throws -> T {
        guard isOpen else { throw StorageError(.misuse, "a change of configuration was used after its end") }
        return try transaction.writing(body)
    }

    private func note(_ action: AuditAction, _ kind: EntityKind, _ id: String, _ detail: String = "") {
        notes.append(Note(action: action, entity: ChangedEntity(kind: kind, id: id), detail: detail))
    }
}
