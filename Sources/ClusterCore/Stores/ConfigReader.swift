/// Reads the cluster's own row, settings, shared secrets, revisions and the audit log.
public protocol ConfigReader {
    /// The cluster, or `nil` in a store where none was made yet.
    ///
    /// - Throws: ``StorageError/Code/tampered`` when the row was written under another cluster's key.
    func cluster() throws -> ClusterInfo?

    /// The present revision. Reads one row.
    ///
    /// - Throws: ``StorageError/Code/notFound`` in a store without a cluster.
    func revision() throws -> Revision

    /// What changed since a revision that was read before.
    ///
    /// - Throws: ``StorageError/Code/notFound`` in a store without a cluster.
    func changes(since revision: Revision) throws -> ConfigurationDelta

    /// All settings.
    ///
    /// - Throws: ``StorageError/Code/notFound`` in a store without a cluster.
    func settings() throws -> Checked<Settings>

    /// The shared secrets, the newest of each purpose first.
    func secrets() throws -> Checked<[SealedSecret]>

    /// The audit log, newest entry first.
    ///
    /// - Parameters:
    ///   - position: Only entries before this one; `nil` begins with the newest.
    ///   - limit: How many rows to read, 1 to ``StorageLimits/pageRows``.
    func auditEntries(before position: AuditPosition?, limit: Int) throws -> Page<AuditEntry, AuditPosition>
}
