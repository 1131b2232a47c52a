public import VPNFormats

/// When an authentication token is issued, renewed and accepted.
///
/// Everyone gets a token at the first login, and with it comes back to any node without a password: the key is shared
/// by the cluster, and times are store time. A token says when its session began and when it was last renewed; it is
/// good while it was renewed within twice the renewal interval, its session is younger than the lifetime and not
/// refused, and the session began after the user's `tokensValidFrom`, which moves with password and enablement. Times
/// have a tolerance of 120 s, except `tokensValidFrom`: what an operator took back is not good for another two minutes.
///
/// Tokens are signed over the user's name as the OpenVPN protocol has it. That a new user of an old name cannot use the
/// old user's tokens follows from `tokensValidFrom`, which is never before the user was added, and from the
/// certificate, which carries the user's id.
public struct TokenRules: Hashable, Sendable {
    /// How far the clocks of store, nodes and issuers may be apart, in seconds.
    public static let toleranceSeconds: Int64 = 120
    /// How many keys are tried; a cluster has one, and two while it changes it.
    static let keyLimit = 4

    /// How often a connected client gets a fresh token.
    public var renewal: Duration
    /// How long after the login a session's tokens are good.
    public var lifetime: Duration

    /// Takes over rules.
    public init(renewal: Duration = .seconds(3_600), lifetime: Duration = .seconds(86_400)) {
        self.renewal = max(.seconds(1), renewal)
        self.lifetime = max(.seconds(1), lifetime)
    }

    /// The rules of the settings `token.renewal` and `token.lifetime`.
    public init(_ settings: Settings) {
        self.init(renewal: settings[.tokenRenewal], lifetime: settings[.tokenLifetime])
    }

    /// The first token of a new session.
    ///
    /// - Parameters:
    ///   - user: Who logged in.
    ///   - now: Store time.
    ///   - random: Where the 12 bytes of session id come from; cryptographically secure outside tests.
    /// - Throws: ``FormatError`` never in practice.
    public func begin(
        for user: User, now: Timestamp, using random: inout some RandomNumberGenerator
    ) throws(FormatError) -> AuthToken {
        let seconds = Self.issueSeconds(for: user, now: now)
        return try AuthToken(
            sessionID: TokenSessionID(using: &random).bytes, issuedInitially: seconds, issuedNow: seconds)
    }

    /// The next token of a session: session id and begin stay, the time of issue moves.
    ///
    /// - Throws: ``FormatError`` never in practice.
    public func renew(_ token: AuthToken, now: Timestamp) throws(FormatError) -> AuthToken {
        try AuthToken(
            sessionID: token.sessionID, issuedInitially: token.issuedInitially,
            issuedNow: max(token.issuedNow, UInt64(max(0, now.seconds))))
    }

    /// When no token of a session can be good any more: what a refusal of the session has to outlive.
    public func expiry(of token: AuthToken) -> Timestamp {
        Timestamp(seconds: Int64(clamping: token.issuedInitially)) + lifetime + .seconds(Self.toleranceSeconds)
    }

    /// Judges what a client presents in place of a password.
    ///
    /// - Parameters:
    ///   - text: What the client sent; of any length.
    ///   - user: The user that the certificate names.
    ///   - keys: The cluster's keys, the one that signs first.
    ///   - isRefused: Whether a session was ended by an operator.
    ///   - isRenegotiation: Whether a live session shows it: then it is not asked when it was renewed, as the client
    ///     gets a fresh token with its renegotiations only, which may be rarer.
    ///   - now: Store time.
    ///   - crypto: The primitives.
    public func judge(
        _ text: String, user: User, keys: [AuthTokenKey], isRefused: (TokenSessionID) -> Bool,
        isRenegotiation: Bool = false, now: Timestamp, crypto: some FormatCryptography = SwiftCryptoFormatCryptography()
    ) -> TokenVerdict {
        guard let token = Self.authentic(text, userName: user.name, keys: keys, crypto: crypto) else {
            return .invalid
        }
        guard let session = TokenSessionID(bytes: token.sessionID) else { return .invalid }
        guard !isRefused(session) else { return .expired(.sessionEnded) }
        guard token.issuedInitially >= Self.validFromSeconds(user) else { return .expired(.credentialsChanged) }
        let tolerance = Duration.seconds(Self.toleranceSeconds)
        guard let initially = Self.timestamp(token.issuedInitially), let issued = Self.timestamp(token.issuedNow),
            initially <= issued
        else { return .invalid }
        guard issued <= now + tolerance else { return .expired(.fromTheFuture) }
        guard isRenegotiation || now < issued + renewal * 2 + tolerance else { return .expired(.notRenewed) }
        guard now <= initially + lifetime + tolerance else { return .expired(.lifetimeOver) }
        return .valid(token)
    }

    private static func authentic(
        _ text: String, userName: String, keys: [AuthTokenKey], crypto: some FormatCryptography
    ) -> AuthToken? {
        for key in keys.prefix(keyLimit) {
            let verified = try? AuthToken.decode(text: text, username: userName, key: key, crypto: crypto)
            // This cluster never signs for an empty name, so a token that was signed so proves nothing.
            if let verified, verified.signedName == .given, !userName.isEmpty { return verified.token }
        }
        return nil
    }

    /// A token is stamped in seconds and never earlier than the user's `tokensValidFrom`: who logs in right after a
    /// change of the password, on a node whose clock is a little late, keeps the session.
    private static func issueSeconds(for user: User, now: Timestamp) -> UInt64 {
        max(UInt64(max(0, now.seconds)), validFromSeconds(user))
    }

    /// `tokensValidFrom` in seconds, rounded up.
    private static func validFromSeconds(_ user: User) -> UInt64 {
        let seconds = user.tokensValidFrom.seconds
        let isWhole = Timestamp(seconds: seconds) == user.tokensValidFrom
        return UInt64(max(0, seconds)) + (isWhole || seconds < 0 ? 0 : 1)
    }

    private static func timestamp(_ seconds: UInt64) -> Timestamp? {
        guard seconds < 1 << 40 else { return nil }
        return Timestamp(seconds: Int64(seconds))
    }
}

/// What came out of judging a token.
public enum TokenVerdict: Hashable, Sendable {
    /// Why an authentic token is no longer good.
    public enum Expiry: Hashable, Sendable, CaseIterable {
        /// An operator ended the session.
        case sessionEnded
        /// The user's password or enablement changed since the session began.
        case credentialsChanged
        /// The token bears a time that lies ahead.
        case fromTheFuture
        /// The token was not renewed for twice the renewal interval.
        case notRenewed
        /// The session is older than a session may be.
        case lifetimeOver
    }

    /// Authentic and good.
    case valid(AuthToken)
    /// Authentic and no longer good: the client is to ask for the password again.
    case expired(Expiry)
    /// Not a token of this cluster for this user.
    case invalid
}
