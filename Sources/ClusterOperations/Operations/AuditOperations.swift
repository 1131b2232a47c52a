public import ClusterCore

/// What an operator does with the audit log: read it.
public struct AuditOperations: Sendable {
    private let session: OperatorSession

    /// Operations in a session.
    public init(_ session: OperatorSession) { self.session = session }

    /// The newest entries first.
    ///
    /// - Parameter limit: The most entries.
    public func list(limit: Int) async throws -> Listing<AuditEntry> {
        try await session.backend.read { reader in
            try Listing.gather(limit: limit) {
                try reader.config.auditEntries(before: $0, limit: StorageLimits.pageRows)
            }
        }
    }
}
