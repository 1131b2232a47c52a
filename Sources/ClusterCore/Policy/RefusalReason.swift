/// Why a login is turned down. Each reason has a stable word, what the client shows, what the operator reads, and the
/// form in which stock clients understand it; `docs/refusals.md` shows all of them.
public enum RefusalReason: String, Sendable, Hashable, CaseIterable {
    /// The client's certificate cannot be read, or is not of a kind that a cluster issues.
    case certificateUnreadable = "certificate-unreadable"
    /// The certificate names no user: it is a server's, or another authority's.
    case certificateNotForClients = "certificate-not-for-clients"
    /// The store has no such certificate, or another one of that serial or for another user.
    case certificateUnknown = "certificate-unknown"
    /// The certificate was revoked.
    case certificateRevoked = "certificate-revoked"
    /// The certificate is valid later only.
    case certificateNotYetValid = "certificate-not-yet-valid"
    /// The certificate's validity is over.
    case certificateExpired = "certificate-expired"
    /// The certificate's user does not exist any more.
    case userRemoved = "user-removed"
    /// The user is disabled.
    case userDisabled = "user-disabled"
    /// The name that the client gave is not that of the certificate's user.
    case otherUsersProfile = "other-users-profile"
    /// The profile is for logging in without a password, and the user may not.
    case autoLoginNotAllowed = "auto-login-not-allowed"
    /// The client sent no password.
    case passwordMissing = "password-missing"
    /// The password is wrong.
    case passwordWrong = "password-wrong"
    /// The user has no password, so none is right.
    case passwordNotSet = "password-not-set"
    /// The user is locked out after too many wrong passwords.
    case lockedOut = "locked-out"
    /// The password's verifier cannot be opened: another cluster key, or the row was changed.
    case verifierUnreadable = "verifier-unreadable"
    /// The authentication token is no token of this cluster for this user.
    case tokenInvalid = "token-invalid"
    /// The authentication token is too old, or the user's password changed since.
    case tokenExpired = "token-expired"
    /// An operator ended the session.
    case sessionEnded = "session-ended"
    /// A renegotiation shows another user, certificate or token session than the session it belongs to.
    case identityChanged = "identity-changed"
    /// The node serves as many clients as it may.
    case nodeFull = "node-full"
    /// The node has no address left in its subnet.
    case noAddress = "no-address"
    /// More passwords are waiting to be checked than the node takes.
    case busy
    /// The node takes no new clients.
    case draining
    /// The node has not read its configuration yet.
    case notReady = "not-ready"
}

/// What a client is to do about a refusal.
public enum RefusalForm: Hashable, Sendable {
    /// `AUTH_FAILED`: give up, or ask the person again.
    case failed
    /// `AUTH_FAILED,SESSION`: forget the token and log in with user name and password.
    case sessionExpired
    /// `AUTH_FAILED,TEMP`: try again after a time; clients that do not know it get `RESTART`.
    case temporary(backoffSeconds: Int, advance: RefusalAdvance)
}

/// Where a client that is to try again goes, in the words of `AUTH_FAILED,TEMP`.
public enum RefusalAdvance: String, Hashable, Sendable {
    /// To the same address.
    case no
    /// To the next address of the same name.
    case addr
    /// To the next `remote` line.
    case remote
}

extension RefusalReason {
    /// The form in which the client is told.
    public var form: RefusalForm {
        switch self {
        case .tokenExpired, .sessionEnded: .sessionExpired
        case .busy: .temporary(backoffSeconds: 2, advance: .no)
        case .nodeFull, .noAddress: .temporary(backoffSeconds: 10, advance: .addr)
        case .draining: .temporary(backoffSeconds: 1, advance: .addr)
        case .notReady, .verifierUnreadable: .temporary(backoffSeconds: 5, advance: .addr)
        case .certificateUnreadable, .certificateNotForClients, .certificateUnknown, .certificateRevoked,
            .certificateNotYetValid, .certificateExpired, .userRemoved, .userDisabled, .otherUsersProfile,
            .autoLoginNotAllowed, .passwordMissing, .passwordWrong, .passwordNotSet, .lockedOut, .tokenInvalid,
            .identityChanged:
            .failed
        }
    }

    /// What the client shows: printable ASCII without commas and brackets, at most 100 bytes. A user without a password
    /// reads the same as with a wrong one.
    public var clientText: String {
        switch self {
        case .certificateUnreadable: "The certificate in this profile cannot be read. Get a new profile."
        case .certificateNotForClients: "The certificate in this profile is not a user's. Get a new profile."
        case .certificateUnknown: "This profile is not known here. Get a new profile."
        case .certificateRevoked: "This profile was revoked. Get a new profile."
        case .certificateNotYetValid: "This profile is not valid yet. Try again later."
        case .certificateExpired: "This profile has expired. Get a new profile."
        case .userRemoved: "This user does not exist any more."
        case .userDisabled: "This user is disabled. Ask your administrator."
        case .otherUsersProfile: "This profile belongs to another user."
        case .autoLoginNotAllowed: "This user may not log in without a password. Get a new profile."
        case .passwordMissing: "A user name and a password are needed."
        case .passwordWrong, .passwordNotSet: "Wrong user name or password."
        case .lockedOut: "Too many wrong passwords. Try again later."
        case .verifierUnreadable: "The server cannot check passwords now. Ask your administrator."
        case .tokenInvalid: "The session is not known here. Log in again."
        case .tokenExpired: "The session has expired. Log in again."
        case .sessionEnded: "The session was ended by an administrator. Log in again."
        case .identityChanged: "The session belongs to another login. Connect again."
        case .nodeFull: "The server is full. Try again later."
        case .noAddress: "The server has no free address. Try again later."
        case .busy: "The server is busy. Try again in a moment."
        case .draining: "The server takes no new clients. Connect to another one."
        case .notReady: "The server is starting. Try again in a moment."
        }
    }

    /// What an operator reads in the log, with what to do about it.
    public var operatorText: String {
        switch self {
        case .certificateUnreadable: "the client's certificate cannot be read or is not of a kind that asnode issues"
        case .certificateNotForClients: "the client's certificate names no user; issue a profile for the user"
        case .certificateUnknown: "the store does not have the client's certificate for that user; issue a new profile"
        case .certificateRevoked: "the client's certificate was revoked"
        case .certificateNotYetValid: "the client's certificate is not valid yet; check this machine's clock"
        case .certificateExpired: "the client's certificate has expired; issue a new profile"
        case .userRemoved: "the certificate's user does not exist"
        case .userDisabled: "the user is disabled; `user set NAME --enable-login` enables it"
        case .otherUsersProfile: "the user name is not that of the certificate's user"
        case .autoLoginNotAllowed: "the profile needs auto-login, which the user may not use"
        case .passwordMissing: "the client sent no user name or no password"
        case .passwordWrong: "the password is wrong"
        case .passwordNotSet: "the user has no password; `user passwd NAME` sets one"
        case .lockedOut: "the user is locked out after too many wrong passwords"
        case .verifierUnreadable: "the user's password verifier cannot be opened with this node's cluster.key"
        case .tokenInvalid: "the authentication token was not issued by this cluster for this user"
        case .tokenExpired: "the authentication token is not good any more; the client is to log in anew"
        case .sessionEnded: "the token session was ended by an operator"
        case .identityChanged: "a renegotiation showed another user, certificate or token session than the login"
        case .nodeFull: "the node serves as many clients as limit.clients allows"
        case .noAddress: "the node's client subnet has no free address; give nodes more by client.prefix-length"
        case .busy: "too many passwords are waiting to be checked"
        case .draining: "the node is draining"
        case .notReady: "the node has not read its configuration yet"
        }
    }

    /// The control message that tells a client (OpenVPN protocol: `AUTH_FAILED`, `RESTART`).
    ///
    /// - Parameters:
    ///   - understandsTemporary: Whether the client announced `AUTH_FAILED,TEMP` (`IV_PROTO` bit 8).
    ///   - isOpenVPN3: OpenVPN 3 obeys `RESTART` in a form of its own only.
    public func controlMessage(understandsTemporary: Bool, isOpenVPN3: Bool = false) -> String {
        switch form {
        case .failed: return "AUTH_FAILED,\(clientText)"
        case .sessionExpired: return "AUTH_FAILED,SESSION:\(clientText)"
        case .temporary(let seconds, let advance):
            if understandsTemporary {
                return "AUTH_FAILED,TEMP[backoff \(seconds),advance \(advance.rawValue)]:\(clientText)"
            }
            if isOpenVPN3 { return "RESTART,[P]:\(clientText)" }
            return advance == .no ? "RESTART,[P]\(clientText)" : "RESTART,[NP]\(clientText)"
        }
    }
}
