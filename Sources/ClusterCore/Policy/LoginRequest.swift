public import VPNFormats

/// What a client showed when it asked to come in, after its chain, signature and purpose were verified.
///
/// Holds a password or token: it shows in no description or mirror.
public struct LoginRequest: Sendable, SecretMaterial {
    /// The client's leaf certificate in DER.
    public var certificate: [UInt8]
    /// The user name that it sent, empty when none.
    public var userName: String
    /// What it sent as password: a password in UTF-8, a token, or nothing.
    public var password: [UInt8]
    /// For a renegotiation, the login of the session that it belongs to.
    public var live: LiveLogin?

    /// Takes over what the client sent.
    public init(certificate: [UInt8], userName: String, password: [UInt8], live: LiveLogin? = nil) {
        self.certificate = certificate
        self.userName = userName
        self.password = password
        self.live = live
    }
}

/// What a live session logged in with; a renegotiation must be the same.
public struct LiveLogin: Hashable, Sendable {
    /// Who.
    public let userID: UserID
    /// With which certificate.
    public let certificate: CertificateSerial
    /// The token that it was last given.
    public let token: AuthToken

    /// The login of an admitted session.
    public init(userID: UserID, certificate: CertificateSerial, token: AuthToken) {
        self.userID = userID
        self.certificate = certificate
        self.token = token
    }
}

/// What the login policy needs to know of the node and the moment.
public struct LoginCircumstances: Hashable, Sendable {
    /// Store time.
    public var now: Timestamp
    /// Whether one more client may come; renegotiations do not ask.
    public var hasRoom: Bool
    /// Whether the node takes no new clients; renegotiations do not ask.
    public var isDraining: Bool

    /// Describes the moment.
    public init(now: Timestamp, hasRoom: Bool = true, isDraining: Bool = false) {
        self.now = now
        self.hasRoom = hasRoom
        self.isDraining = isDraining
    }
}

/// A login that is let in.
public struct Admission: Sendable {
    /// How the client proved who it is, beside its certificate.
    public enum Method: String, Sendable, Hashable, CaseIterable {
        /// By its user's password.
        case password
        /// By the token of an earlier login.
        case token
        /// By nothing else: an auto-login profile.
        case certificate
    }

    /// Who it is.
    public let userID: UserID
    /// The user's name.
    public let userName: String
    /// The certificate that it showed.
    public let certificate: CertificateSerial
    /// What the certificate was issued for.
    public let profile: ProfileKind
    /// How it proved who it is.
    public let method: Method
    /// Names the client: the same through reconnects, on every node. An older live session of the same token session is
    /// this client's and ends.
    public let tokenSession: TokenSessionID
    /// The token to give to the client.
    public let token: AuthToken
    /// The text of the token, a secret.
    public let tokenText: String
    /// Set where the client logs in without a name: the name to send beside the token (`auth-token-user`).
    public let tokenUserName: String?
    /// Which state of the configuration was decided on.
    public let revision: Revision
    /// Whether the user had failed logins that are to be forgotten now.
    public let clearsFailures: Bool
    /// What to make a new verifier with, when the stored one costs less than the settings ask for.
    public let rehash: ScryptCost?

    /// What the session's renegotiations are compared with.
    public var live: LiveLogin { LiveLogin(userID: userID, certificate: certificate, token: token) }
}

extension Admission: CustomStringConvertible, CustomReflectable {
    /// Who, how and at which revision; never the token.
    public var description: String { "Admission(\(userName), \(method.rawValue), \(tokenSession), \(revision))" }
    /// Shows what the description shows.
    public var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}

/// A login that is turned down.
public struct LoginRefusal: Hashable, Sendable {
    /// Why.
    public let reason: RefusalReason
    /// Who it was, as far as the certificate told.
    public let userID: UserID?
    /// Their name.
    public let userName: String?
    /// The failed logins to be written for the user, with the version that was read; nil when nothing is to be counted.
    public let failures: LoginFailures?

    /// Turns down a login for a reason that the node itself has (``RefusalReason/busy`` and the like).
    public init(_ reason: RefusalReason, user: User? = nil, failures: LoginFailures? = nil) {
        self.reason = reason
        self.userID = user?.id
        self.userName = user?.name
        self.failures = failures
    }
}
