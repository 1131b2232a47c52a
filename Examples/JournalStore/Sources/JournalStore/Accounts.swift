internal import ClusterCore

/// Users, failed logins and refused tokens.
struct Accounts: AccountStore {
    let transaction: Transaction

    func user(_ id: UserID) throws -> User? { try transaction.reading().users[id] }

    func user(named name: String) throws -> User? {
        let tables = try transaction.reading()
        return tables.userNames[Tables.Name(name)].flatMap { tables.users[$0] }
    }

    func users(after name: String?, limit: Int) throws -> Page<User, String> {
        let page = try Transaction.page(
            of: transaction.reading().users.values, after: name.map { Array($0.utf8) }, limit: limit,
            at: { Array($0.name.utf8) }, by: { $0.precedes($1) })
        return Page(rows: page.rows, next: page.next == nil ? nil : page.rows.last?.name)
    }

    func userCount() throws -> Int { try transaction.reading().users.count }

    func loginFailures(of user: UserID) throws -> LoginFailures? { try transaction.reading().failures[user] }

    func loginFailures(after user: UserID?, limit: Int) throws -> Page<LoginFailures, UserID> {
        try Transaction.page(
            of: transaction.reading().failures.values, after: user, limit: limit, at: \.user, by: <)
    }

    func tokenRefusals(after session: TokenSessionID?, limit: Int) throws -> Page<TokenRefusal, TokenSessionID> {
        try Transaction.page(
            of: transaction.reading().refusals.values, after: session, limit: limit, at: \.tokenSession,
            by: { $0.bytes.precedes($1.bytes) })
    }

    func record(_ failures: LoginFailures) throws -> LoginFailures {
        try transaction.writing { tables in
            guard (tables.failures[failures.user]?.version ?? 0) == failures.version else {
                throw StorageError.outdated("failed logins")
            }
            var stored = failures
            stored.version += 1
            transaction.put(.failures(stored))
            return stored
        }
    }

    func clearLoginFailures(of user: UserID) throws -> Bool {
        try transaction.writing { tables in
            guard tables.failures[user] != nil else { return false }
            transaction.put(.noFailures(user))
            return true
        }
    }

    func pruneTokenRefusals(expiredBefore time: Timestamp, limit: Int) throws -> Int {
        try transaction.writing { tables in
            let limit = try Transaction.checked(limit, maximum: StorageLimits.batchRows)
            let old = tables.refusals.values.filter { $0.expiresAt < time }.prefix(limit)
            for refusal in old { transaction.put(.noRefusal(refusal.tokenSession)) }
            return old.count
        }
    }
}
