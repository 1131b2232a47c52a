internal import ClusterCore

/// Users, failed logins and refused tokens in their tables.
struct SQLAccountStore: AccountStore {
    let transaction: SQLTransaction

    func user(_ id: UserID) throws -> User? {
        try transaction.one(User.self, where: "id = ?", [.blob(id.bytes)])
    }

    func user(named name: String) throws -> User? {
        try transaction.one(User.self, where: "name = ?", [.text(name)])
    }

    func users(after name: String?, limit: Int) throws -> Page<User, String> {
        try transaction.page(User.self, "WHERE name > ? ORDER BY name", [.text(name ?? "")], limit: limit) { raw in
            if case .text(let name) = raw[1] { name } else { nil }
        }
    }

    func userCount() throws -> Int {
        guard case .integer(let count)? = try transaction.rows("SELECT COUNT(*) FROM users").first?.first else {
            return 0
        }
        return Int(count)
    }

    func loginFailures(of user: UserID) throws -> LoginFailures? {
        try transaction.one(LoginFailures.self, where: "user_id = ?", [.blob(user.bytes)])
    }

    func loginFailures(after user: UserID?, limit: Int) throws -> Page<LoginFailures, UserID> {
        try transaction.page(
            LoginFailures.self, "WHERE user_id > ? ORDER BY user_id", [.blob(user?.bytes ?? [])], limit: limit
        ) { raw in
            if case .blob(let bytes) = raw[0] { UserID(bytes: bytes) } else { nil }
        }
    }

    func tokenRefusals(after session: TokenSessionID?, limit: Int) throws -> Page<TokenRefusal, TokenSessionID> {
        try transaction.page(
            TokenRefusal.self, "WHERE token_session > ? ORDER BY token_session", [.blob(session?.bytes ?? [])],
            limit: limit
        ) { raw in
            if case .blob(let bytes) = raw[0] { TokenSessionID(bytes: bytes) } else { nil }
        }
    }

    func record(_ failures: LoginFailures) throws -> LoginFailures {
        var written = failures
        written.version += 1
        let key: [SQLValue] = [.blob(failures.user.bytes)]
        if failures.version == 0 {
            guard try !transaction.exists("login_failures", where: "user_id = ?", key) else { throw Self.outdated }
            try transaction.insert(written)
        } else {
            let count = try transaction.update(
                written, where: "user_id = ? AND version = ?", key + [.integer(failures.version)])
            guard count == 1 else { throw Self.outdated }
        }
        return written
    }

    func clearLoginFailures(of user: UserID) throws -> Bool {
        try transaction.execute("DELETE FROM login_failures WHERE user_id = ?", [.blob(user.bytes)]) > 0
    }

    func pruneTokenRefusals(expiredBefore time: Timestamp, limit: Int) throws -> Int {
        let limit = try SQLTransaction.checked(limit, maximum: StorageLimits.batchRows)
        let keys = try transaction.rows(
            "SELECT token_session FROM token_refusals WHERE expires_at < ? ORDER BY expires_at LIMIT \(limit)",
            [.integer(time.microseconds)])
        for key in keys { try transaction.execute("DELETE FROM token_refusals WHERE token_session = ?", key) }
        return keys.count
    }

    private static var outdated: StorageError {
        StorageError(.outdated, "another node wrote the failed logins of the user meanwhile")
    }
}
