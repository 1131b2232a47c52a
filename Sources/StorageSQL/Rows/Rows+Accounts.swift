internal import ClusterCore

extension User: AuthenticatedStoredRow {
    static let table = "users"
    static let columns = [
        "id", "name", "enabled", "admin", "auto_login", "password_verifier", "tokens_valid_from", "created_at",
        "version",
    ]
    static let selection = makeSelection()

    var values: [SQLValue] {
        [
            .blob(id.bytes), .text(name), .boolean(isEnabled), .boolean(isAdmin), .boolean(allowsAutoLogin),
            .blob(passwordVerifier?.bytes), .integer(tokensValidFrom.microseconds), .integer(createdAt.microseconds),
            .integer(version),
        ]
    }

    init(from row: inout RowReader) throws {
        self.init(
            id: try row.identifier(), name: try row.text { User.isValid(name: $0) ? $0 : nil },
            isEnabled: try row.boolean(), isAdmin: try row.boolean(), allowsAutoLogin: try row.boolean(),
            passwordVerifier: try row.optionalBytes { SealedValue($0) }, tokensValidFrom: try row.timestamp(),
            createdAt: try row.timestamp(), version: try row.integer())
    }

    static func isValid(name: String) -> Bool { (1...255).contains(name.utf8.count) }
}

extension LoginFailures: StoredRow {
    static let table = "login_failures"
    static let columns = ["user_id", "failures", "first_at", "last_at", "locked_until", "version"]
    static let selection = makeSelection()

    var values: [SQLValue] {
        [
            .blob(user.bytes), .integer(Int64(count)), .integer(firstAt.microseconds), .integer(lastAt.microseconds),
            .integer(lockedUntil?.microseconds), .integer(version),
        ]
    }

    init(from row: inout RowReader) throws {
        self.init(
            user: try row.identifier(), count: try row.count(), firstAt: try row.timestamp(),
            lastAt: try row.timestamp(), lockedUntil: try row.optionalTimestamp(), version: try row.integer())
    }
}

extension TokenRefusal: AuthenticatedStoredRow {
    static let table = "token_refusals"
    static let columns = ["token_session", "user_id", "refused_at", "expires_at"]
    static let selection = makeSelection()

    var values: [SQLValue] {
        [
            .blob(tokenSession.bytes), .blob(user?.bytes), .integer(refusedAt.microseconds),
            .integer(expiresAt.microseconds),
        ]
    }

    init(from row: inout RowReader) throws {
        self.init(
            tokenSession: try row.bytes { TokenSessionID(bytes: $0) },
            user: try row.optionalBytes { UserID(bytes: $0) }, refusedAt: try row.timestamp(),
            expiresAt: try row.timestamp())
    }
}
