public import VPNFormats

/// The shared secrets of a cluster, opened. Of each kind the first is the one in use; the others are still accepted.
public struct SecretRing: Sendable, SecretMaterial {
    /// Wrap the client keys of tls-crypt-v2 profiles.
    public let tlsCryptV2: [TLSCryptV2ServerKey]
    /// The keys of static tls-crypt profiles.
    public let tlsCrypt: [StaticKey]
    /// Sign authentication tokens.
    public let authToken: [AuthTokenKey]
    /// Key the cookies of the handshake; 32 bytes each.
    public let cookie: [[UInt8]]

    /// Opens the rows of the store, the newest of each purpose first. Rows of purposes that this release does not know
    /// are passed over.
    ///
    /// - Returns: The secrets, and what is wrong with those rows that could not be opened.
    /// - Throws: ``SnapshotError`` with code `secretMissing` when a kind has no usable secret.
    static func open(
        _ rows: [SealedSecret], sealer: Sealer
    ) throws(SnapshotError) -> (ring: SecretRing, problems: [SnapshotProblem]) {
        var opened: [SecretPurpose: [[UInt8]]] = [:]
        var problems: [SnapshotProblem] = []
        for row in rows {
            do throws(SecretsError) {
                opened[row.purpose, default: []].append(try sealer.open(row))
            } catch {
                problems.append(.unreadableSecret(purpose: row.purpose.rawValue, id: row.id, why: error.message))
            }
        }
        let ring = SecretRing(
            tlsCryptV2: (opened[.tlsCryptV2Server] ?? []).compactMap { try? TLSCryptV2ServerKey(bytes: $0) },
            tlsCrypt: (opened[.tlsCrypt] ?? []).compactMap { try? StaticKey(bytes: $0) },
            authToken: (opened[.authToken] ?? []).compactMap { try? AuthTokenKey(bytes: $0) },
            cookie: (opened[.cookie] ?? []).filter { $0.count == SharedSecrets.cookieKeyByteCount })
        try ring.checkComplete(problems)
        return (ring, problems)
    }

    private func checkComplete(_ problems: [SnapshotProblem]) throws(SnapshotError) {
        let kinds: [(isMissing: Bool, purpose: SecretPurpose)] = [
            (tlsCryptV2.isEmpty, .tlsCryptV2Server), (tlsCrypt.isEmpty, .tlsCrypt), (authToken.isEmpty, .authToken),
            (cookie.isEmpty, .cookie),
        ]
        let missing = kinds.filter(\.isMissing).map(\.purpose.rawValue)
        guard missing.isEmpty else {
            let why = problems.first.map { ": \($0)" } ?? ": restore the database from a backup"
            throw SnapshotError(.secretMissing, "no usable secret for \(missing.joined(separator: ", "))\(why)")
        }
    }
}
