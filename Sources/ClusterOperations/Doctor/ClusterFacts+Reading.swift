internal import ClusterCore

extension ClusterFacts {
    /// Reads what the doctor needs to know of the store's content, and opens one secret to see that the key belongs to
    /// it.
    ///
    /// - Throws: `OperationError` with `configuration` when the key opens nothing; what the store throws.
    public static func read(_ session: OperatorSession) async throws -> ClusterFacts {
        let sealer = session.sealer
        return try await session.backend.read { reader in
            let settings = try reader.config.settings()
            let secrets = try reader.config.secrets()
            let authorities = try reader.certificates.certificates(.authority)
            let servers = try reader.certificates.certificates(.server)
            let users = try Listing.gather { try reader.accounts.users(after: $0, limit: StorageLimits.pageRows) }
            let issued = try Listing.gather {
                try reader.certificates.certificates(after: $0, limit: StorageLimits.pageRows)
            }
            for secret in secrets.value {
                do {
                    _ = try sealer.open(secret)
                } catch {
                    throw OperationError(.configuration, "\(error)")
                }
            }
            let rejected = settings.rejected + secrets.rejected + users.rejected + issued.rejected
            return ClusterFacts(
                hostname: settings.value[.hostname], clientNetworks: settings.value[.clientNetworks],
                certificates: current(authorities.value, "certificate authority", "authority")
                    + current(servers.value, "server certificate", "server"),
                tampered: rejected.map { "row \($0.id) of \($0.table)" })
        }
    }

    /// The newest certificate that is not revoked: the one that is in use.
    private static func current(_ records: [CertificateRecord], _ title: String, _ name: String) -> [Certificate] {
        records.first { $0.revocation == nil }.map {
            [
                Certificate(
                    name: name, title: title, notBefore: $0.notBefore.microseconds, notAfter: $0.notAfter.microseconds)
            ]
        } ?? []
    }
}
