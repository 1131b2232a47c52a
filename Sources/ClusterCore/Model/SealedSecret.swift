/// A secret that all nodes of the cluster share, sealed.
///
/// There may be several of a purpose: the newest by ``createdAt`` (by ``id`` where those are equal) is used for new
/// things, the older ones are accepted until they are removed.
public struct SealedSecret: Hashable, Sendable {
    /// Names the secret for ever.
    public var id: SecretID
    /// What it is for.
    public var purpose: SecretPurpose
    /// The sealed secret.
    public var value: SealedValue
    /// When it was made.
    public var createdAt: Timestamp

    /// Makes a sealed secret of its parts, which are explained at the properties.
    public init(id: SecretID, purpose: SecretPurpose, value: SealedValue, createdAt: Timestamp) {
        self.id = id
        self.purpose = purpose
        self.value = value
        self.createdAt = createdAt
    }
}

/// Names a shared secret for ever.
public typealias SecretID = Identifier<SealedSecret>

/// What a shared secret is for. Private keys of certificates lie with their certificates.
public struct SecretPurpose: Hashable, Sendable, RawRepresentable {
    /// The word in the store, at most 64 bytes.
    public var rawValue: String

    /// - Parameter rawValue: The word; one that is not among the static members is kept as it is.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Wraps the client keys of tls-crypt-v2.
    public static let tlsCryptV2Server = SecretPurpose(rawValue: "tls-crypt-v2-server")
    /// The static key of tls-crypt.
    public static let tlsCrypt = SecretPurpose(rawValue: "tls-crypt")
    /// Signs auth tokens.
    public static let authToken = SecretPurpose(rawValue: "auth-token")
    /// Signs the cookies of the stateless handshake.
    public static let cookie = SecretPurpose(rawValue: "cookie")
}
