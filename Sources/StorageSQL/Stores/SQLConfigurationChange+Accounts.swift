internal import ClusterCore

// Users and certificates.
extension SQLConfigurationChange {
    func add(_ user: User) throws -> User {
        try open()
        try check(user)
        var stored = user
        stored.version = 1
        try rows.insert(stored)
        note(.addUser, .user, user.id.description, user.name)
        return stored
    }

    func update(_ user: User) throws -> User {
        try open()
        try check(user)
        let key: [SQLValue] = [.blob(user.id.bytes)]
        guard let old = try rows.one(User.self, where: "id = ?", key) else { throw Self.noUser }
        guard old.version == user.version else { throw Self.outdatedUser }
        var stored = user
        stored.createdAt = old.createdAt
        // Swift takes "ä" and "a" with two dots above for the same text; to the store they are two names.
        if stored == old, stored.name.utf8.elementsEqual(old.name.utf8) { return old }
        stored.version += 1
        let count = try rows.update(stored, where: "id = ? AND version = ?", key + [.integer(old.version)])
        guard count == 1 else { throw Self.outdatedUser }
        note(.updateUser, .user, user.id.description, Self.difference(old, stored))
        return stored
    }

    func removeUser(_ id: UserID) throws {
        try open()
        let key: [SQLValue] = [.blob(id.bytes)]
        let name = try? reader.accounts.user(id)?.name
        guard try rows.execute("DELETE FROM users WHERE id = ?", key) > 0 else { throw Self.noUser }
        note(.removeUser, .user, id.description, name ?? "")
        try rows.execute("DELETE FROM login_failures WHERE user_id = ?", key)
        try rows.execute("DELETE FROM address_memory WHERE user_id = ?", key)
        let revocation = Revocation(at: try rows.now(), reason: .cessationOfOperation)
        // A row that is not sound admits nobody and needs no revocation.
        for certificate in try reader.certificates.certificates(of: id).value {
            try revoke(certificate, revocation)
        }
    }

    func add(_ certificate: CertificateRecord) throws -> CertificateRecord {
        try open()
        let isValid =
            certificate.commonName.utf8.count <= 255 && (1...65_536).contains(certificate.der.count)
            && certificate.notBefore <= certificate.notAfter
            && (certificate.kind == .client || (certificate.user == nil && certificate.profile == nil))
        guard isValid else {
            throw StorageError(.invalid, "a certificate breaks the limits that the store has for one")
        }
        var stored = certificate
        stored.version = 1
        try rows.insert(stored)
        note(.issueCertificate, .certificate, "\(certificate.serial)", certificate.commonName)
        return stored
    }

    func revokeCertificate(_ serial: CertificateSerial, _ revocation: Revocation) throws {
        try open()
        guard let certificate = try reader.certificates.certificate(serial) else {
            throw StorageError(.notFound, "the cluster issued no certificate with that serial")
        }
        try revoke(certificate, revocation)
    }

    private func revoke(_ certificate: CertificateRecord, _ revocation: Revocation) throws {
        guard certificate.revocation == nil else { return }
        var revoked = certificate
        revoked.revocation = revocation
        revoked.version += 1
        let count = try rows.update(
            revoked, where: "serial = ? AND version = ?",
            [.blob(certificate.serial.bytes), .integer(certificate.version)])
        guard count == 1 else {
            throw StorageError(.outdated, "the certificate was changed by someone else meanwhile")
        }
        note(.revokeCertificate, .certificate, "\(certificate.serial)", revocation.reason.rawValue)
    }

    private func check(_ user: User) throws {
        guard User.isValid(name: user.name) else {
            throw StorageError(.invalid, "the name of a user has 1 to 255 bytes")
        }
    }

    /// What an update changed, in words, without any value but the name.
    private static func difference(_ old: User, _ new: User) -> String {
        var words: [String] = []
        if !old.name.utf8.elementsEqual(new.name.utf8) { words.append("renamed to \(new.name)") }
        if old.isEnabled != new.isEnabled { words.append(new.isEnabled ? "enabled" : "disabled") }
        if old.isAdmin != new.isAdmin { words.append(new.isAdmin ? "made admin" : "no admin any more") }
        if old.allowsAutoLogin != new.allowsAutoLogin {
            words.append(new.allowsAutoLogin ? "auto-login allowed" : "auto-login withdrawn")
        }
        if old.passwordVerifier != new.passwordVerifier { words.append("password set") }
        if old.tokensValidFrom != new.tokensValidFrom { words.append("earlier tokens withdrawn") }
        return "\(old.name): " + words.joined(separator: ", ")
    }

    private static var noUser: StorageError { StorageError(.notFound, "the cluster has no such user") }

    private static var outdatedUser: StorageError {
        StorageError(
            .outdated, "the user was changed by someone else meanwhile", advice: "look at the user again and retry")
    }
}
