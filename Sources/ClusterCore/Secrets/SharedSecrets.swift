public import VPNFormats

/// The secrets that all nodes of a cluster share, made once when the cluster is made.
///
/// They lie sealed in the store (``Sealer``), and let every node unwrap the control channel of every profile, accept
/// the tokens that another node issued, and check the cookies that it sent itself before a restart.
public struct SharedSecrets: Hashable, Sendable, SecretMaterial {
    /// The length of the cookie key in bytes.
    public static let cookieKeyByteCount = 32

    /// Wraps the client keys of tls-crypt-v2 profiles.
    public var tlsCryptV2: TLSCryptV2ServerKey
    /// The one key of static tls-crypt profiles.
    public var tlsCrypt: StaticKey
    /// Signs authentication tokens.
    public var authToken: AuthTokenKey
    /// Keys the stateless cookies of the handshake; 32 bytes.
    public var cookie: [UInt8]

    /// Takes over secrets.
    ///
    /// - Throws: ``SecretsError`` with code `malformedKey` when the cookie key has not 32 bytes.
    public init(
        tlsCryptV2: TLSCryptV2ServerKey, tlsCrypt: StaticKey, authToken: AuthTokenKey, cookie: [UInt8]
    ) throws(SecretsError) {
        guard cookie.count == Self.cookieKeyByteCount else {
            throw SecretsError(.malformedKey, "a cookie key has \(Self.cookieKeyByteCount) bytes, not \(cookie.count)")
        }
        self.tlsCryptV2 = tlsCryptV2
        self.tlsCrypt = tlsCrypt
        self.authToken = authToken
        self.cookie = cookie
    }

    /// Makes new secrets.
    ///
    /// - Parameter random: Where all bytes come from; cryptographically secure outside tests.
    /// - Throws: ``FormatError`` or ``SecretsError`` never in practice: the lengths are right by construction.
    public static func generate(using random: inout some RandomNumberGenerator) throws -> SharedSecrets {
        try SharedSecrets(
            tlsCryptV2: TLSCryptV2ServerKey(bytes: .random(count: TLSCryptV2ServerKey.byteCount, using: &random)),
            tlsCrypt: StaticKey(bytes: .random(count: StaticKey.byteCount, using: &random)),
            authToken: AuthTokenKey(bytes: .random(count: AuthTokenKey.byteCount, using: &random)),
            cookie: .random(count: cookieKeyByteCount, using: &random))
    }
}
