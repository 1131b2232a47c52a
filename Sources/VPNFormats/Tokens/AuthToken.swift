/// What a client presents as password once it has logged in (OpenVPN protocol, `auth_token.c`).
///
/// Text: `SESS_ID_AT_` and 80 base64 characters for session id (12), time of the login (8), time of this token (8) and
/// HMAC-SHA256 (32) over the user name and those 28 bytes. Whether a token is still good is decided elsewhere.
public struct AuthToken: Hashable, Sendable {
    /// What every token begins with.
    public static let prefix = "SESS_ID_AT_"
    /// The length of every token, in characters.
    public static let characterCount = 91
    /// The length of a session id, in bytes.
    public static let sessionIDBytes = 12
    private static let signedBytes = 28

    /// Names the login that all tokens of one client come from, 12 random bytes.
    public let sessionID: [UInt8]
    /// When the client logged in with real credentials, in seconds since 1970.
    public let issuedInitially: UInt64
    /// When this token was made, in seconds since 1970.
    public let issuedNow: UInt64

    /// Makes a token's content.
    ///
    /// - Throws: ``FormatError`` with `length` unless the session id has 12 bytes.
    public init(sessionID: [UInt8], issuedInitially: UInt64, issuedNow: UInt64) throws(FormatError) {
        guard sessionID.count == Self.sessionIDBytes else {
            throw FormatError(.length, "the session id of an auth token has \(Self.sessionIDBytes) bytes")
        }
        self.sessionID = sessionID
        self.issuedInitially = issuedInitially
        self.issuedNow = issuedNow
    }

    /// The user name that a token was found to be signed for.
    public enum SignedName: Hashable, Sendable {
        /// The name that the client gave.
        case given
        /// The empty name: OpenVPN 3 clients that never had a name send tokens signed so. The given name proves
        /// nothing then.
        case empty
    }

    /// A token whose signature was found to be right.
    public struct Verified: Hashable, Sendable {
        /// The content.
        public let token: AuthToken
        /// Which user name the signature covers.
        public let signedName: SignedName
    }

    /// The text that is pushed to the client.
    public func encode(username: String, key: AuthTokenKey, crypto: some FormatCryptography) -> String {
        let tag = crypto.hmacSHA256(key: key.authentication, message: Array(username.utf8) + signed)
        return Self.prefix + Base64.encode(signed + tag)
    }

    /// Tells tokens from passwords by how they begin. A password may begin so too: then ``decode(text:username:key:crypto:)``
    /// refuses it.
    public static func looksLikeToken(_ text: String) -> Bool {
        text.utf8.starts(with: prefix.utf8)
    }

    /// Reads a token and checks its signature, with the given name first and with the empty one second.
    ///
    /// Length and prefix are checked before anything is decoded; signatures are compared in constant time.
    ///
    /// - Throws: ``FormatError`` with `length`, `malformed`, or `authentication`.
    public static func decode(
        text: String, username: String, key: AuthTokenKey, crypto: some FormatCryptography
    ) throws(FormatError) -> Verified {
        guard text.utf8.count == characterCount else {
            throw FormatError(.length, "an auth token has \(characterCount) characters")
        }
        guard looksLikeToken(text), let raw = Base64.decode(text.utf8.dropFirst(prefix.utf8.count), maximumBytes: 60),
            raw.count == signedBytes + 32
        else {
            throw FormatError(.malformed, "this is not an auth token")
        }
        let signed = Array(raw.prefix(signedBytes))
        let tag = raw.suffix(32)
        func matches(_ name: String) -> Bool {
            constantTimeEquals(tag, crypto.hmacSHA256(key: key.authentication, message: Array(name.utf8) + signed))
        }
        let (given, empty) = (matches(username), matches(""))
        guard given || empty else {
            throw FormatError(.authentication, "the auth token was signed with another key or for another user")
        }
        let token = try AuthToken(
            sessionID: Array(signed.prefix(sessionIDBytes)), issuedInitially: bigEndianUInt64(signed[12..<20]),
            issuedNow: bigEndianUInt64(signed[20..<28]))
        return Verified(token: token, signedName: given ? .given : .empty)
    }

    private var signed: [UInt8] {
        sessionID + bigEndianBytes(issuedInitially) + bigEndianBytes(issuedNow)
    }
}
