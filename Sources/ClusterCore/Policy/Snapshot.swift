/// All that a node needs to decide about logins, as one immutable value: logins never read the store.
///
/// It is what one read transaction saw. A row whose authentication code is wrong is not in it, so whoever it lets in
/// stays out, and is listed among the ``problems``. Secrets are open in memory, except password verifiers, each of which
/// is opened at its login, and the key of the authority, which issuing alone needs.
public struct Snapshot: Sendable {
    /// The cluster.
    public let cluster: ClusterInfo
    /// Which state of the configuration this is.
    public let revision: Revision
    /// The store's time of the read.
    public let readAt: Timestamp
    /// The settings.
    public let settings: Settings
    /// The users.
    public let users: [UserID: User]
    /// The certificates of clients, revoked ones among them.
    public let certificates: [CertificateSerial: KnownCertificate]
    /// The token sessions that operators ended, with the time from when no token of theirs can be good.
    public let refusedSessions: [TokenSessionID: Timestamp]
    /// The failed logins at the time of the read. They are no configuration: a node goes on counting by itself.
    public let failures: [UserID: LoginFailures]
    /// The shared secrets.
    public let secrets: SecretRing
    /// What TLS needs.
    public let server: ServerIdentity
    /// What could not be used; log each.
    public let problems: [SnapshotProblem]

    let sealer: Sealer
    private let namesToUsers: [String: UserID]

    /// Puts a snapshot together out of its parts; see ``load(from:key:)``.
    package init(
        cluster: ClusterInfo, revision: Revision, readAt: Timestamp, settings: Settings, users: [User],
        certificates: [KnownCertificate], refusals: [TokenRefusal], failures: [LoginFailures], secrets: SecretRing,
        server: ServerIdentity, problems: [SnapshotProblem], sealer: Sealer
    ) {
        self.cluster = cluster
        self.revision = revision
        self.readAt = readAt
        self.settings = settings
        self.users = Dictionary(users.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        self.namesToUsers = Dictionary(users.map { ($0.name, $0.id) }, uniquingKeysWith: { first, _ in first })
        self.certificates = Dictionary(certificates.map { ($0.serial, $0) }, uniquingKeysWith: { first, _ in first })
        self.refusedSessions = Dictionary(
            refusals.map { ($0.tokenSession, $0.expiresAt) }, uniquingKeysWith: { max($0, $1) })
        self.failures = Dictionary(failures.map { ($0.user, $0) }, uniquingKeysWith: { first, _ in first })
        self.secrets = secrets
        self.server = server
        self.problems = problems
        self.sealer = sealer
    }

    /// The user of a name in any Unicode form.
    public func user(named name: String) -> User? {
        UserNameRules.lookupForm(name).flatMap { namesToUsers[$0] }.flatMap { users[$0] }
    }

    /// Whether an operator ended a token session.
    public func isRefused(_ session: TokenSessionID) -> Bool { refusedSessions[session] != nil }
}

/// What a node's TLS presents and checks.
public struct ServerIdentity: Sendable {
    /// The authorities that clients' certificates may come from: all that are not revoked, the newest first.
    public let authorities: [IssuedCertificate]
    /// The server's certificate: the newest that is not revoked and whose key can be opened.
    public let certificate: IssuedCertificate
    /// Its key.
    public let key: SigningKey

    /// Puts an identity together.
    package init(authorities: [IssuedCertificate], certificate: IssuedCertificate, key: SigningKey) {
        self.authorities = authorities
        self.certificate = certificate
        self.key = key
    }

    /// The authorities in PEM, one after the other.
    public var authoritiesPEM: String { authorities.map(\.pem).joined() }
}
