public import VPNFormats

/// Decides about logins: a pure function of a snapshot, the request, the user's failed logins and the moment, in two
/// steps, so that the one expensive thing – checking a password – is done elsewhere.
///
/// 1. ``begin(_:snapshot:failures:circumstances:using:)`` identifies the certificate and its user. A token, an auto-login
///    profile or a refusal decides at once; a password gives a ``PasswordCheck``.
/// 2. The driver runs the check off its event threads and feeds the result to
///    ``finish(_:matched:snapshot:failures:circumstances:using:)`` with the snapshot of **that** moment: everything is
///    decided again, so that no login slips past a revocation that came while its password was being hashed.
///
/// The certificate comes first: who has no profile of a user can neither try that user's passwords nor lock the user
/// out. It must belong to the user who logs in.
public struct LoginPolicy: Sendable {
    /// Makes the policy; it has no state.
    public init() {}

    /// Begins to decide about a login.
    ///
    /// - Parameters:
    ///   - request: What the client showed.
    ///   - snapshot: The node's present snapshot.
    ///   - failures: The failed logins of a user as the node knows them now.
    ///   - circumstances: The moment.
    ///   - random: Where the id of a new token session comes from; cryptographically secure outside tests.
    public func begin(
        _ request: LoginRequest, snapshot: Snapshot, failures: (UserID) -> LoginFailures?,
        circumstances: LoginCircumstances, using random: inout some RandomNumberGenerator
    ) -> LoginStep {
        let identity: Identity
        switch identify(request, snapshot: snapshot, circumstances: circumstances) {
        case .success(let found): identity = found
        case .failure(let refusal): return .refused(refusal)
        }
        if identity.certificate.profile == .autoLogin {
            return autoLogin(identity, request, snapshot: snapshot, circumstances: circumstances, using: &random)
        }
        if request.password.isEmpty { return .refused(LoginRefusal(.passwordMissing, user: identity.user)) }
        if let text = tokenText(request) {
            return token(text, identity, request, snapshot: snapshot, circumstances: circumstances, using: &random)
        }
        if request.userName.isEmpty { return .refused(LoginRefusal(.passwordMissing, user: identity.user)) }
        return password(identity, request, snapshot: snapshot, failures: failures(identity.user.id), circumstances)
    }

    /// Goes on with a login whose password was checked.
    ///
    /// - Parameters:
    ///   - check: What ``begin(_:snapshot:failures:circumstances:using:)`` gave.
    ///   - matched: What ``PasswordCheck/run()`` gave.
    /// - Returns: A decision, or another check when the user's password was changed meanwhile.
    public func finish(
        _ check: PasswordCheck, matched: Bool, snapshot: Snapshot, failures: (UserID) -> LoginFailures?,
        circumstances: LoginCircumstances, using random: inout some RandomNumberGenerator
    ) -> LoginStep {
        let identity: Identity
        switch identify(check.request, snapshot: snapshot, circumstances: circumstances) {
        case .success(let found): identity = found
        case .failure(let refusal): return .refused(refusal)
        }
        let user = identity.user
        let known = failures(user.id)
        guard user.passwordVerifier == check.sealedVerifier, identity.certificate.profile == .userLocked else {
            return begin(
                check.request, snapshot: snapshot, failures: failures, circumstances: circumstances, using: &random)
        }
        let rules = LockoutRules(snapshot.settings)
        if rules.lockedUntil(known, now: circumstances.now) != nil {
            return .refused(LoginRefusal(.lockedOut, user: user))
        }
        guard matched, user.passwordVerifier != nil else {
            let reason: RefusalReason = user.passwordVerifier == nil ? .passwordNotSet : .passwordWrong
            let row = rules.afterFailure(known, user: user.id, now: circumstances.now)
            return .refused(LoginRefusal(reason, user: user, failures: row))
        }
        let wanted = Self.cost(snapshot.settings)
        let facts = AdmissionFacts(
            method: .password, clearsFailures: known != nil,
            rehash: check.verifier.needsRehash(wanted: wanted) ? wanted : nil)
        return admit(
            identity, facts, continuing: nil, check.request, snapshot: snapshot, circumstances: circumstances,
            using: &random)
    }
}

/// Where a login stands.
public enum LoginStep: Sendable {
    /// The password is to be checked: run the check, then ``LoginPolicy/finish(_:matched:snapshot:failures:circumstances:using:)``.
    case checkPassword(PasswordCheck)
    /// The client comes in.
    case admitted(Admission)
    /// The client is turned down.
    case refused(LoginRefusal)
}

/// A password and what it is to be checked against. Neither shows in a description or mirror.
public struct PasswordCheck: Sendable, SecretMaterial {
    let request: LoginRequest
    let verifier: PasswordVerifier
    let sealedVerifier: SealedValue?
    /// Whose password it is said to be.
    public let userID: UserID

    /// The memory that ``run()`` takes, in bytes.
    public var memoryBytes: Int { verifier.cost.memoryBytes }

    /// Whether the password is right. Takes tens of milliseconds and much memory: call it on a thread kept for that.
    public func run() -> Bool {
        guard let password = String(validating: request.password, as: UTF8.self) else {
            _ = verifier.matches("not the password")
            return false
        }
        return verifier.matches(password)
    }
}
