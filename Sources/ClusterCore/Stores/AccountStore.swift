/// Reads users, failed logins and refused tokens.
public protocol AccountReader {
    /// The user with an id, or `nil`.
    func user(_ id: UserID) throws -> User?
    /// The user of a name, compared byte for byte, or `nil`.
    func user(named name: String) throws -> User?

    /// Users in the byte order of their names.
    ///
    /// - Parameters:
    ///   - name: Only users whose name comes after this one; `nil` begins with the first.
    ///   - limit: How many rows to read, 1 to ``StorageLimits/pageRows``.
    func users(after name: String?, limit: Int) throws -> Page<User, String>
    /// How many users there are.
    func userCount() throws -> Int

    /// The failed logins of a user since the last good one, or `nil` when there are none.
    func loginFailures(of user: UserID) throws -> LoginFailures?
    /// The failed logins of all users, in the order of user ids.
    func loginFailures(after user: UserID?, limit: Int) throws -> Page<LoginFailures, UserID>

    /// The token sessions that are refused, in the order of their ids, expired ones among them until they are pruned.
    func tokenRefusals(after session: TokenSessionID?, limit: Int) throws -> Page<TokenRefusal, TokenSessionID>
}

/// Writes what nodes learn about accounts at logins: no configuration, so no revision and no audit entry.
public protocol AccountStore: AccountReader {
    /// Writes the failed logins of a user.
    ///
    /// - Parameter failures: Carries the version that was read, 0 when there was no row.
    /// - Returns: The row as stored, with the next version.
    /// - Throws: ``StorageError/Code/outdated`` when another node wrote it since; read it and decide again.
    @discardableResult
    func record(_ failures: LoginFailures) throws -> LoginFailures
    /// Forgets the failed logins of a user, after a good login or at an operator's word.
    ///
    /// - Returns: Whether there were any.
    @discardableResult
    func clearLoginFailures(of user: UserID) throws -> Bool
    /// Removes refusals that expired before a time, at most `limit` of them, 1 to ``StorageLimits/batchRows``.
    ///
    /// - Returns: How many were removed.
    @discardableResult
    func pruneTokenRefusals(expiredBefore time: Timestamp, limit: Int) throws -> Int
}
