import VPNFormats

/// Whom a certificate belongs to.
struct Identity {
    let user: User
    let certificate: KnownCertificate
}

/// What an admission says beside identity and token.
struct AdmissionFacts {
    let method: Admission.Method
    var clearsFailures = false
    var rehash: ScryptCost?
}

/// Why a login cannot go on; carried by `Result`.
extension LoginRefusal: Error {}

extension LoginPolicy {
    /// Identifies the client: its certificate, the live session that it belongs to, the name that it gave.
    func identify(
        _ request: LoginRequest, snapshot: Snapshot, circumstances: LoginCircumstances
    ) -> Result<Identity, LoginRefusal> {
        guard let leaf = try? LeafIdentity(der: request.certificate) else {
            return .failure(LoginRefusal(.certificateUnreadable))
        }
        let identity: Identity
        switch CertificateDecision.decide(leaf, snapshot: snapshot, now: circumstances.now) {
        case .refused(let reason):
            return .failure(LoginRefusal(reason, user: leaf.userID.flatMap { snapshot.users[$0] }))
        case .accepted(let user, let certificate): identity = Identity(user: user, certificate: certificate)
        }
        if let reason = refusal(of: identity, request, circumstances) {
            return .failure(LoginRefusal(reason, user: identity.user))
        }
        return .success(identity)
    }

    private func refusal(
        of identity: Identity, _ request: LoginRequest, _ circumstances: LoginCircumstances
    ) -> RefusalReason? {
        if let live = request.live {
            guard live.userID == identity.user.id, live.certificate == identity.certificate.serial else {
                return .identityChanged
            }
        } else if circumstances.isDraining {
            return .draining
        }
        let name = request.userName
        if !name.isEmpty, UserNameRules.lookupForm(name) != identity.user.name { return .otherUsersProfile }
        if identity.certificate.profile == .autoLogin, !identity.user.allowsAutoLogin { return .autoLoginNotAllowed }
        return request.live == nil && !circumstances.hasRoom ? .nodeFull : nil
    }

    /// An auto-login profile needs no password. A good token continues its session; with any other the client is a new
    /// one, as it would be without.
    func autoLogin(
        _ identity: Identity, _ request: LoginRequest, snapshot: Snapshot, circumstances: LoginCircumstances,
        using random: inout some RandomNumberGenerator
    ) -> LoginStep {
        var continuing: AuthToken?
        if let text = tokenText(request),
            case .valid(let token) = judge(text, identity.user, request, snapshot: snapshot, now: circumstances.now)
        {
            continuing = token
        }
        if let live = request.live, let refusal = refusal(of: live, continuing: continuing, identity.user) {
            return .refused(refusal)
        }
        let facts = AdmissionFacts(method: continuing == nil ? .certificate : .token)
        return admit(
            identity, facts, continuing: continuing, request, snapshot: snapshot, circumstances: circumstances,
            using: &random)
    }

    /// A token stands for the password.
    func token(
        _ text: String, _ identity: Identity, _ request: LoginRequest, snapshot: Snapshot,
        circumstances: LoginCircumstances, using random: inout some RandomNumberGenerator
    ) -> LoginStep {
        let user = identity.user
        switch judge(text, user, request, snapshot: snapshot, now: circumstances.now) {
        case .invalid: return .refused(LoginRefusal(.tokenInvalid, user: user))
        case .expired(.sessionEnded): return .refused(LoginRefusal(.sessionEnded, user: user))
        case .expired: return .refused(LoginRefusal(.tokenExpired, user: user))
        case .valid(let token):
            if let live = request.live, let refusal = refusal(of: live, continuing: token, user) {
                return .refused(refusal)
            }
            return admit(
                identity, AdmissionFacts(method: .token), continuing: token, request, snapshot: snapshot,
                circumstances: circumstances, using: &random)
        }
    }

    /// The password is checked elsewhere, unless the user is locked out. A user without one costs as much.
    func password(
        _ identity: Identity, _ request: LoginRequest, snapshot: Snapshot, failures: LoginFailures?,
        _ circumstances: LoginCircumstances
    ) -> LoginStep {
        let user = identity.user
        if LockoutRules(snapshot.settings).lockedUntil(failures, now: circumstances.now) != nil {
            return .refused(LoginRefusal(.lockedOut, user: user))
        }
        do throws(SecretsError) {
            let verifier =
                try user.passwordVerifier.map { value throws(SecretsError) in
                    try snapshot.sealer.openVerifier(value, of: user.id)
                } ?? .decoy(cost: Self.cost(snapshot.settings))
            return .checkPassword(
                PasswordCheck(
                    request: request, verifier: verifier, sealedVerifier: user.passwordVerifier, userID: user.id))
        } catch {
            return .refused(LoginRefusal(.verifierUnreadable, user: user))
        }
    }

    /// Lets a client in, with the next token of its session or the first of a new one.
    func admit(
        _ identity: Identity, _ facts: AdmissionFacts, continuing: AuthToken?, _ request: LoginRequest,
        snapshot: Snapshot, circumstances: LoginCircumstances, using random: inout some RandomNumberGenerator
    ) -> LoginStep {
        let user = identity.user
        let rules = TokenRules(snapshot.settings)
        guard let key = snapshot.secrets.authToken.first,
            let token = try? nextToken(
                rules, user, continuing: continuing, live: request.live, now: circumstances.now, using: &random),
            let session = TokenSessionID(bytes: token.sessionID)
        else { return .refused(LoginRefusal(.notReady, user: user)) }
        if snapshot.isRefused(session) { return .refused(LoginRefusal(.sessionEnded, user: user)) }
        return .admitted(
            Admission(
                userID: user.id, userName: user.name, certificate: identity.certificate.serial,
                profile: identity.certificate.profile, method: facts.method, tokenSession: session, token: token,
                tokenText: token.encode(username: user.name, key: key, crypto: SwiftCryptoFormatCryptography()),
                tokenUserName: request.userName.isEmpty ? user.name : nil, revision: snapshot.revision,
                clearsFailures: facts.clearsFailures, rehash: facts.rehash))
    }

    /// A token that is presented is renewed; a password in a live session gives that session a new begin; anything else
    /// begins a session.
    private func nextToken(
        _ rules: TokenRules, _ user: User, continuing: AuthToken?, live: LiveLogin?, now: Timestamp,
        using random: inout some RandomNumberGenerator
    ) throws(FormatError) -> AuthToken {
        if let continuing { return try rules.renew(continuing, now: now) }
        let new = try rules.begin(for: user, now: now, using: &random)
        guard let live else { return new }
        return try AuthToken(
            sessionID: live.token.sessionID, issuedInitially: new.issuedInitially, issuedNow: new.issuedNow)
    }

    /// A live session keeps its token session.
    private func refusal(
        of live: LiveLogin, continuing: AuthToken?, _ user: User
    ) -> LoginRefusal? {
        if let continuing, continuing.sessionID != live.token.sessionID {
            return LoginRefusal(.identityChanged, user: user)
        }
        return nil
    }

    private func judge(
        _ text: String, _ user: User, _ request: LoginRequest, snapshot: Snapshot, now: Timestamp
    ) -> TokenVerdict {
        TokenRules(snapshot.settings).judge(
            text, user: user, keys: snapshot.secrets.authToken, isRefused: snapshot.isRefused,
            isRenegotiation: request.live != nil, now: now)
    }

    /// What the client sent as password, if that is a token by its beginning; then it is never tried as a password.
    func tokenText(_ request: LoginRequest) -> String? {
        guard request.password.starts(with: AuthToken.prefix.utf8) else { return nil }
        return String(validating: request.password, as: UTF8.self) ?? AuthToken.prefix
    }

    static func cost(_ settings: Settings) -> ScryptCost { ScryptCost(logN: settings[.scryptCost]) ?? .standard }
}
