import VPNFormats

/// A profile that was made: the row to be stored, and the file.
public struct IssuedProfile: Sendable {
    /// The certificate's row; the profile works once it is in the store.
    public let record: CertificateRecord
    /// The text of the file, with the private key, which is kept nowhere else.
    public let text: String
}

extension IssuedProfile: CustomStringConvertible, CustomReflectable {
    /// The serial number; never the text.
    public var description: String { "IssuedProfile(\(record.serial))" }
    /// Shows the serial number alone.
    public var customMirror: Mirror { Mirror(self, children: ["serial": record.serial]) }
}

/// Makes profiles: a key, a certificate and a tls-crypt-v2 key of its own for each.
public struct ProfileIssuer: Sendable {
    private let authority: CertificateAuthority
    private let authoritiesPEM: String
    private let tlsCryptV2: TLSCryptV2ServerKey
    private let serverName: String
    private let settings: Settings

    /// Takes over what all profiles of a cluster have in common.
    ///
    /// - Parameters:
    ///   - authority: Signs the client's certificate; ``CertificateAuthority/load(from:sealer:)`` gives it.
    ///   - snapshot: Gives settings, the tls-crypt-v2 key, the authorities and the common name of the servers.
    public init(authority: CertificateAuthority, snapshot: Snapshot) throws(ProfileError) {
        guard let key = snapshot.secrets.tlsCryptV2.first else {
            throw ProfileError("the cluster has no tls-crypt-v2 key: restore the database from a backup")
        }
        self.authority = authority
        authoritiesPEM = snapshot.server.authoritiesPEM
        tlsCryptV2 = key
        serverName = snapshot.server.certificate.commonName
        settings = snapshot.settings
    }

    /// Makes a profile.
    ///
    /// - Parameters:
    ///   - user: Whose; must be allowed to log in without a password for an auto-login profile.
    ///   - kind: What it asks of its user.
    ///   - remotes: Where the nodes are.
    ///   - now: Store time.
    ///   - random: Where the serial number and the tls-crypt-v2 key come from; cryptographically secure outside tests.
    ///     The private key comes from the system's generator.
    /// - Throws: ``ProfileError``, ``PKIError``, or `FormatError`.
    public func issue(
        to user: User, kind: ProfileKind, remotes: [ProfileRemote], now: Timestamp,
        using random: inout some RandomNumberGenerator
    ) throws -> IssuedProfile {
        guard kind != .autoLogin || user.allowsAutoLogin else {
            throw ProfileError(
                "this user may not log in without a password: `user set \(user.name) --auto-login` allows it")
        }
        let key = SigningKey.generate()
        let lifetime = CertificateValidity(settings[.clientCertificateLifetime])
        let certificate = try authority.issueClient(
            userName: user.name, userID: user.id, key: key, now: now, validity: lifetime, using: &random)
        let metadata = ProfileKeyMetadata(user: user.id, serial: certificate.serial)
        let wrap = try TLSCryptV2ClientKey(
            sealing: StaticKey(bytes: .random(count: StaticKey.byteCount, using: &random)),
            metadata: .user(metadata.content), serverKey: tlsCryptV2, crypto: SwiftCryptoFormatCryptography())
        let content = ProfileContent(
            userName: user.name, kind: kind, remotes: remotes, serverName: serverName, authoritiesPEM: authoritiesPEM,
            certificate: certificate, key: key, wrap: .tlsCryptV2(wrap), settings: settings, issuedAt: now)
        let record = certificate.record(as: .client, user: user.id, profile: kind, issuedAt: now)
        return IssuedProfile(record: record, text: try ProfileWriter().text(of: content))
    }
}
