/// Someone who may connect.
public struct User: Hashable, Sendable {
    /// Never used again, even for a later user of the same name.
    public var id: UserID
    /// What the user types: unique in the cluster byte for byte, 1 to 255 bytes of UTF-8.
    public var name: String
    /// A user that is not enabled cannot log in, and live sessions end.
    public var isEnabled: Bool
    /// May administer the cluster.
    public var isAdmin: Bool
    /// May have profiles that connect without a password.
    public var allowsAutoLogin: Bool
    /// The sealed password verifier; `nil` when no password was set, then none is right.
    public var passwordVerifier: SealedValue?
    /// Auth tokens issued before this time are refused; moves with each change of password or enablement.
    public var tokensValidFrom: Timestamp
    /// When the user was added; given by the caller, not changed by an update.
    public var createdAt: Timestamp
    /// Grows by one with each write. An update carries the version that was read and is refused if it is not the
    /// stored one. 0 in a user that was not stored yet.
    public var version: Int64

    /// Makes a user of its parts, which are explained at the properties.
    public init(
        id: UserID, name: String, isEnabled: Bool = true, isAdmin: Bool = false, allowsAutoLogin: Bool = false,
        passwordVerifier: SealedValue? = nil, tokensValidFrom: Timestamp, createdAt: Timestamp, version: Int64 = 0
    ) {
        self.id = id
        self.name = name
        self.isEnabled = isEnabled
        self.isAdmin = isAdmin
        self.allowsAutoLogin = allowsAutoLogin
        self.passwordVerifier = passwordVerifier
        self.tokensValidFrom = tokensValidFrom
        self.createdAt = createdAt
        self.version = version
    }
}

/// The failed logins of one user since the last good one.
///
/// Nodes write it, with the version they read, so that failures on several nodes add up.
public struct LoginFailures: Hashable, Sendable {
    /// The user whose password was wrong.
    public var user: UserID
    /// How many failures in a row.
    public var count: Int
    /// When the first of them was.
    public var firstAt: Timestamp
    /// When the last of them was.
    public var lastAt: Timestamp
    /// Until when no password is accepted, if the user is locked out.
    public var lockedUntil: Timestamp?
    /// As in ``User/version``.
    public var version: Int64

    /// Makes the value of its parts, which are explained at the properties.
    public init(
        user: UserID, count: Int, firstAt: Timestamp, lastAt: Timestamp, lockedUntil: Timestamp? = nil,
        version: Int64 = 0
    ) {
        self.user = user
        self.count = count
        self.firstAt = firstAt
        self.lastAt = lastAt
        self.lockedUntil = lockedUntil
        self.version = version
    }
}

/// A token session that was ended by an operator: its auth tokens are refused until they would expire anyway, and its
/// live session ends.
public struct TokenRefusal: Hashable, Sendable {
    /// The token session that is over.
    public var tokenSession: TokenSessionID
    /// Whose it was, for the audit log.
    public var user: UserID?
    /// When it was refused.
    public var refusedAt: Timestamp
    /// When no token of the session can be valid any more; the row may be pruned then.
    public var expiresAt: Timestamp

    /// Makes a token refusal of its parts, which are explained at the properties.
    public init(tokenSession: TokenSessionID, user: UserID?, refusedAt: Timestamp, expiresAt: Timestamp) {
        self.tokenSession = tokenSession
        self.user = user
        self.refusedAt = refusedAt
        self.expiresAt = expiresAt
    }
}
