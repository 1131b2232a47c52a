/// A change of configuration under way, inside of ``StorageWriter/change(by:_:)``.
///
/// Each call writes its rows, their authentication codes and an audit entry. Writing what is there already changes
/// nothing and is not recorded. All throw ``StorageError``: ``StorageError/Code/constraint(_:)`` with the name that is
/// stated at the call, ``StorageError/Code/outdated`` when a version that was read is not the stored one any more,
/// ``StorageError/Code/notFound`` when the thing is not there, ``StorageError/Code/tampered`` when the row that is to
/// be updated was not written by this cluster (setting, removing and refusing replace such a row and so mend it), ``StorageError/Code/invalid`` when a value breaks the limits that its
/// type states.
public protocol ConfigurationChange {
    /// The same transaction for reading; sees what was written so far.
    var reader: any StorageReader { get }

    /// Makes the cluster in an empty store: its row and revision 1, whose change id is random.
    ///
    /// - Throws: ``StorageError/Code/constraint(_:)`` `cluster` when the store has a cluster already.
    func createCluster(_ cluster: ClusterInfo) throws

    /// Gives a setting a value.
    ///
    /// - Throws: ``SettingError`` when there is no such setting or it cannot have the value.
    func set(_ setting: String, to text: String) throws
    /// Sets a setting back to its default; of one that has no definition the stored value is removed.
    func unset(_ setting: String) throws

    /// Adds a user, whose version becomes 1.
    ///
    /// - Returns: The user as stored.
    /// - Throws: ``StorageError/Code/constraint(_:)`` `user.name` or `user.id` when there is one.
    @discardableResult
    func add(_ user: User) throws -> User
    /// Replaces a user's row, all but `createdAt`.
    ///
    /// - Parameter user: Carries the version that was read.
    /// - Returns: The user as stored, with the next version.
    @discardableResult
    func update(_ user: User) throws -> User
    /// Removes a user, revokes the user's certificates (``Revocation/Reason/cessationOfOperation``) and forgets the
    /// failed logins. Live sessions are ended by the nodes, which learn of it by the revision.
    func removeUser(_ id: UserID) throws

    /// Records a certificate that was issued.
    ///
    /// - Throws: ``StorageError/Code/constraint(_:)`` `certificate.serial` when there is one.
    @discardableResult
    func add(_ certificate: CertificateRecord) throws -> CertificateRecord
    /// Revokes a certificate; one that was revoked before keeps its earlier revocation.
    func revokeCertificate(_ serial: CertificateSerial, _ revocation: Revocation) throws

    /// Adds a shared secret.
    ///
    /// - Throws: ``StorageError/Code/constraint(_:)`` `secret.id` when there is one.
    func add(_ secret: SealedSecret) throws
    /// Removes a shared secret.
    func removeSecret(_ id: SecretID) throws

    /// Refuses a token session from now on, and so ends its live session; a second refusal extends the first.
    func refuse(_ refusal: TokenRefusal) throws
}

extension ConfigurationChange {
    /// Gives a setting a typed value.
    ///
    /// - Throws: ``SettingError`` when the setting may not have the value.
    public func set<Value>(_ setting: Setting<Value>, to value: Value) throws {
        try set(setting.name, to: setting.text(of: value))
    }
}
