/// Whether a certificate whose chain OpenSSL verified lets its holder in: dates, revocation, and whether it is the one
/// that the store knows for that user.
public enum CertificateDecision: Hashable, Sendable {
    /// How far clocks may be off at the beginning of a certificate's validity. Its end is the end.
    public static let tolerance = Duration.seconds(120)

    /// It is that user's certificate and good.
    case accepted(User, KnownCertificate)
    /// It is not good.
    case refused(RefusalReason)

    /// Decides about a leaf.
    ///
    /// - Parameters:
    ///   - leaf: What the client showed.
    ///   - snapshot: What the store knows.
    ///   - now: Store time.
    public static func decide(_ leaf: LeafIdentity, snapshot: Snapshot, now: Timestamp) -> CertificateDecision {
        guard let leafUser = leaf.userID else { return .refused(.certificateNotForClients) }
        guard let known = snapshot.certificates[leaf.serial], known.fingerprint == leaf.fingerprint,
            known.user == leafUser
        else { return .refused(.certificateUnknown) }
        if let reason = refusal(of: known, now: now) { return .refused(reason) }
        guard let user = snapshot.users[known.user] else { return .refused(.userRemoved) }
        guard user.isEnabled else { return .refused(.userDisabled) }
        return .accepted(user, known)
    }

    /// Why a known certificate is not good now, or nil.
    static func refusal(of known: KnownCertificate, now: Timestamp) -> RefusalReason? {
        if known.revocation != nil { return .certificateRevoked }
        if now + tolerance < known.notBefore { return .certificateNotYetValid }
        if now > known.notAfter { return .certificateExpired }
        return nil
    }
}

/// What a node keeps in memory of a client's certificate.
public struct KnownCertificate: Hashable, Sendable {
    /// The serial number.
    public let serial: CertificateSerial
    /// Whose it is.
    public let user: UserID
    /// What it was issued for; a certificate without a kind counts as user-locked.
    public let profile: ProfileKind
    /// From when it is valid.
    public let notBefore: Timestamp
    /// Until when it is valid.
    public let notAfter: Timestamp
    /// SHA-256 of the DER form, 32 bytes.
    public let fingerprint: [UInt8]
    /// Set when it was revoked.
    public let revocation: Revocation?

    /// Takes over a row; nil when it is not a client's.
    public init?(_ record: CertificateRecord) {
        guard record.kind == .client, let user = record.user else { return nil }
        serial = record.serial
        self.user = user
        profile = record.profile ?? .userLocked
        notBefore = record.notBefore
        notAfter = record.notAfter
        fingerprint = LeafIdentity.fingerprint(der: record.der)
        revocation = record.revocation
    }
}

/// When a server's certificate is replaced: in the last third of its validity.
public enum CertificateRenewal {
    /// Whether it is time for a new one.
    public static func isDue(notBefore: Timestamp, notAfter: Timestamp, now: Timestamp) -> Bool {
        let validity = notAfter.elapsed(since: notBefore)
        guard validity > .zero else { return true }
        return now > notBefore + validity / 3 * 2
    }
}
