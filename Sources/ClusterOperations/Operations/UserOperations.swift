public import ClusterCore

/// What an operator does with users.
public struct UserOperations: Sendable {
    private let session: OperatorSession

    /// Operations in a session.
    public init(_ session: OperatorSession) { self.session = session }

    /// What is to be different about a user; `nil` leaves it as it is.
    public struct Changes: Sendable, Hashable {
        /// Whether the user may log in.
        public var isEnabled: Bool?
        /// Whether the user may administer the cluster.
        public var isAdmin: Bool?
        /// Whether the user may have profiles that need no password.
        public var allowsAutoLogin: Bool?
        /// Whether the count of wrong passwords, and a lock that came of it, is forgotten.
        public var unlocks: Bool

        /// Changes to make.
        public init(
            isEnabled: Bool? = nil, isAdmin: Bool? = nil, allowsAutoLogin: Bool? = nil, unlocks: Bool = false
        ) {
            self.isEnabled = isEnabled
            self.isAdmin = isAdmin
            self.allowsAutoLogin = allowsAutoLogin
            self.unlocks = unlocks
        }

        /// Whether there is nothing to change.
        public var isEmpty: Bool { self == Changes() }
    }

    /// Everything about one user.
    public struct Details: Sendable {
        /// The user.
        public var user: User
        /// The user's certificates, newest first.
        public var certificates: [CertificateRecord]
        /// The user's live sessions.
        public var sessions: [Session]
        /// Wrong passwords since the last right one.
        public var failures: LoginFailures?
        /// When the store was read, on its clock.
        public var readAt: Timestamp
    }

    /// Adds a user.
    ///
    /// Takes some hundred milliseconds: the password is hashed.
    ///
    /// - Parameters:
    ///   - text: The name; brought to its one form.
    ///   - password: The password, or `nil` for a user who cannot log in with one yet.
    /// - Throws: `OperationError` with `invalidArgument`, `badData` (the password) or `alreadyExists`; what the store
    ///   throws.
    public func add(
        _ text: String, password: String?, isAdmin: Bool = false, allowsAutoLogin: Bool = false
    ) async throws -> User {
        let name = try Self.parse(text)
        var random = SystemRandomNumberGenerator()
        let id = UserID(using: &random)
        let verifier = try await sealedVerifier(password, user: id, name: name)
        do {
            return try await session.change { change, now in
                try change.add(
                    User(
                        id: id, name: name, isAdmin: isAdmin, allowsAutoLogin: allowsAutoLogin,
                        passwordVerifier: verifier, tokensValidFrom: now, createdAt: now))
            }
        } catch let error as StorageError where error.code == .constraint("user.name") {
            throw OperationError(
                .alreadyExists, "there is a user \"\(name)\" already; see asnode user show, or choose another name")
        }
    }

    /// All users by name.
    public func list() async throws -> Listing<User> {
        try await session.backend.read { reader in
            try Listing.gather { try reader.accounts.users(after: $0, limit: StorageLimits.pageRows) }
        }
    }

    /// Everything about a user.
    ///
    /// - Throws: `OperationError` with `noSuchUser`.
    public func details(of text: String) async throws -> Details {
        let name = try Self.parse(text)
        return try await session.backend.read { reader in
            let user = try Self.find(name, reader)
            return Details(
                user: user, certificates: try reader.certificates.certificates(of: user.id).value,
                sessions: try reader.sessions.sessions(of: user.id).value,
                failures: try reader.accounts.loginFailures(of: user.id), readAt: try reader.now())
        }
    }

    /// Changes a user.
    ///
    /// - Throws: `OperationError` with `noSuchUser`.
    public func change(_ text: String, _ changes: Changes) async throws -> User {
        let name = try Self.parse(text)
        let actor = session.actor
        return try await session.backend.write { writer in
            var user = try Self.find(name, writer.reader)
            if let isEnabled = changes.isEnabled, isEnabled != user.isEnabled {
                user.isEnabled = isEnabled
                user.tokensValidFrom = max(user.tokensValidFrom, try writer.now())
            }
            user.isAdmin = changes.isAdmin ?? user.isAdmin
            user.allowsAutoLogin = changes.allowsAutoLogin ?? user.allowsAutoLogin
            if changes.unlocks { try writer.accounts.clearLoginFailures(of: user.id) }
            let wanted = user
            return try writer.change(by: actor) { try $0.update(wanted) }
        }
    }

    /// Gives a user a new password. Tokens from before are refused from now on, wrong passwords are forgotten.
    ///
    /// Takes some hundred milliseconds: the password is hashed.
    ///
    /// - Throws: `OperationError` with `noSuchUser` or `badData`.
    public func setPassword(of text: String, to password: String) async throws {
        let name = try Self.parse(text)
        let user = try await session.backend.read { try Self.find(name, $0) }
        let verifier = try await sealedVerifier(password, user: user.id, name: name)
        let actor = session.actor
        try await session.backend.write { writer in
            guard var user = try writer.accounts.user(user.id) else { throw Self.noSuchUser(name) }
            user.passwordVerifier = verifier
            user.tokensValidFrom = max(user.tokensValidFrom, try writer.now())
            try writer.accounts.clearLoginFailures(of: user.id)
            let wanted = user
            try writer.change(by: actor) { _ = try $0.update(wanted) }
        }
    }

    /// Removes a user, revokes the user's certificates and so ends the user's sessions.
    ///
    /// - Throws: `OperationError` with `noSuchUser`.
    public func remove(_ text: String) async throws {
        let name = try Self.parse(text)
        try await session.change { change, _ in
            try change.removeUser(Self.find(name, change.reader).id)
        }
    }

    private func sealedVerifier(_ password: String?, user: UserID, name: String) async throws -> SealedValue? {
        guard let password else { return nil }
        do {
            try PasswordRules.check(password, userName: name)
        } catch {
            throw OperationError(.badData, "\(error); nothing was changed")
        }
        let settings = try await session.backend.read { try $0.config.settings().value }
        var random = SystemRandomNumberGenerator()
        let cost = ScryptCost(logN: settings[.scryptCost]) ?? .standard
        let verifier = try PasswordVerifier.make(password: password, cost: cost, using: &random)
        return try session.sealer.seal(verifier, of: user, using: &random)
    }

    /// The one form of a name.
    static func parse(_ text: String) throws(OperationError) -> String {
        do {
            return try UserNameRules.parse(text)
        } catch {
            throw OperationError(.invalidArgument, "\(error)")
        }
    }

    /// The user of a name in a transaction.
    static func find(_ name: String, _ reader: any StorageReader) throws -> User {
        guard let user = try reader.accounts.user(named: name) else { throw noSuchUser(name) }
        return user
    }

    /// That there is no such user.
    static func noSuchUser(_ name: String) -> OperationError {
        OperationError(.noSuchUser, "there is no user \"\(name)\"; 'asnode user list' shows who there is")
    }
}
