public import ClusterCore
public import VPNFormats

/// What an operator does with profiles, the files that clients connect with.
public struct ProfileOperations: Sendable {
    private let session: OperatorSession

    /// Operations in a session.
    public init(_ session: OperatorSession) { self.session = session }

    /// A profile that was just issued. The text holds a private key that is kept nowhere else.
    public struct Issued: Sendable {
        /// Whose it is.
        public var userName: String
        /// How it logs in.
        public var kind: ProfileKind
        /// The serial number of its certificate: what ``ProfileOperations/revoke(_:)`` takes.
        public var serial: CertificateSerial
        /// Until when it works.
        public var notAfter: Timestamp
        /// The file's content. A secret.
        public var text: String
    }

    /// A profile as it is in the store.
    public struct Entry: Sendable {
        /// Its certificate.
        public var certificate: CertificateRecord
        /// Whose it is; `nil` when the user was removed.
        public var userName: String?

        /// A profile and its owner.
        public init(certificate: CertificateRecord, userName: String?) {
            self.certificate = certificate
            self.userName = userName
        }
    }

    /// Issues a profile: a new key and certificate, and a tls-crypt-v2 key of its own.
    ///
    /// - Parameters:
    ///   - text: The user's name.
    ///   - kind: How the profile logs in.
    ///   - listeners: What the node listens on; the profile names each of these ports.
    /// - Throws: `OperationError` with `noSuchUser`, or `configuration` when the name that clients connect to is unset.
    public func issue(
        to text: String, kind: ProfileKind, listeners: [ListenAddress]
    ) async throws -> Issued {
        let name = try UserOperations.parse(text)
        let (key, sealer) = (session.key, session.sealer)
        let (user, profile) = try await session.backend.read { reader in
            var random = SystemRandomNumberGenerator()
            let user = try UserOperations.find(name, reader)
            let snapshot = try Snapshot.load(from: reader, key: key)
            let issuer = try ProfileIssuer(
                authority: CertificateAuthority.load(from: reader, sealer: sealer), snapshot: snapshot)
            let remotes = try ProfileRemote.all(hosts: [snapshot.settings[.hostname]], listeners: listeners)
            return (
                user, try issuer.issue(to: user, kind: kind, remotes: remotes, now: try reader.now(), using: &random)
            )
        }
        try await session.change { change, _ in
            guard try change.reader.accounts.user(user.id) != nil else { throw UserOperations.noSuchUser(name) }
            try change.add(profile.record)
        }
        return Issued(
            userName: user.name, kind: kind, serial: profile.record.serial, notAfter: profile.record.notAfter,
            text: profile.text)
    }

    /// The profiles that were issued: of one user the newest first, of all in the order of serials.
    public func list(of text: String?) async throws -> Listing<Entry> {
        guard let text else { return try await listAll() }
        let name = try UserOperations.parse(text)
        return try await session.backend.read { reader in
            let user = try UserOperations.find(name, reader)
            let found = try reader.certificates.certificates(of: user.id)
            return Listing(
                rows: found.value.map { Entry(certificate: $0, userName: user.name) }, rejected: found.rejected)
        }
    }

    private func listAll() async throws -> Listing<Entry> {
        try await session.backend.read { reader in
            let users = try Listing.gather { try reader.accounts.users(after: $0, limit: StorageLimits.pageRows) }
            let names = Dictionary(users.rows.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
            let all = try Listing.gather {
                try reader.certificates.certificates(after: $0, limit: StorageLimits.pageRows)
            }
            let entries = all.rows.filter { $0.kind == .client }.map { record in
                Entry(certificate: record, userName: record.user.flatMap { names[$0] })
            }
            return Listing(rows: entries, rejected: all.rejected)
        }
    }

    /// Revokes a profile for ever; one that was revoked before stays as it was.
    ///
    /// - Parameter text: The serial number in hexadecimal, with or without colons.
    /// - Throws: `OperationError` with `invalidArgument` or `notFound`.
    public func revoke(_ text: String) async throws -> CertificateRecord {
        guard let serial = CertificateSerial(text) else {
            throw OperationError(
                .invalidArgument, "a serial number has up to 40 hexadecimal digits; see asnode profile list")
        }
        return try await session.change { change, now in
            guard let record = try change.reader.certificates.certificate(serial), record.kind == .client else {
                throw OperationError(.notFound, "no profile has the serial number \(serial); see asnode profile list")
            }
            try change.revokeCertificate(serial, Revocation(at: now, reason: .unspecified))
            return try change.reader.certificates.certificate(serial) ?? record
        }
    }
}
