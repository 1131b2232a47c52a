internal import ClusterCore

// Settings, secrets and refused tokens.
extension SQLConfigurationChange {
    func set(_ setting: String, to text: String) throws {
        try open()
        let row = SettingRow(name: setting, value: try SettingDefinition.named(setting).normalised(text))
        let key: [SQLValue] = [.text(setting)]
        if let old = try? rows.one(SettingRow.self, where: "name = ?", key),
            old.value.utf8.elementsEqual(row.value.utf8)
        {
            return
        }
        if try rows.update(row, where: "name = ?", key) == 0 { try rows.insert(row) }
        note(.setSetting, .setting, setting, row.value)
    }

    func unset(_ setting: String) throws {
        try open()
        let count = try rows.execute("DELETE FROM settings WHERE name = ?", [.text(setting)])
        guard count > 0 else {
            _ = try SettingDefinition.named(setting)
            return
        }
        note(.unsetSetting, .setting, setting, "")
    }

    func add(_ secret: SealedSecret) throws {
        try open()
        guard (1...64).contains(secret.purpose.rawValue.utf8.count) else {
            throw StorageError(.invalid, "the purpose of a secret has 1 to 64 bytes")
        }
        try rows.insert(secret)
        note(.addSecret, .secret, secret.id.description, secret.purpose.rawValue)
    }

    func removeSecret(_ id: SecretID) throws {
        try open()
        guard try rows.execute("DELETE FROM secrets WHERE id = ?", [.blob(id.bytes)]) > 0 else {
            throw StorageError(.notFound, "the cluster has no such secret")
        }
        note(.removeSecret, .secret, id.description, "")
    }

    func refuse(_ refusal: TokenRefusal) throws {
        try open()
        var refusal = refusal
        let key: [SQLValue] = [.blob(refusal.tokenSession.bytes)]
        if let old = try? rows.one(TokenRefusal.self, where: "token_session = ?", key) {
            if old.expiresAt >= refusal.expiresAt { return }
            refusal.refusedAt = old.refusedAt
        }
        if try rows.update(refusal, where: "token_session = ?", key) == 0 { try rows.insert(refusal) }
        note(.refuseToken, .tokenRefusal, refusal.tokenSession.description, refusal.user.map { "user \($0)" } ?? "")
    }
}
