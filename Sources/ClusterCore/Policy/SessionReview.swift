/// A live session, as far as the configuration has a say in it.
public struct ReviewedSession: Hashable, Sendable {
    /// Whose it is.
    public var userID: UserID
    /// The certificate that it was opened with.
    public var certificate: CertificateSerial
    /// Its token session.
    public var tokenSession: TokenSessionID

    /// Describes a session.
    public init(userID: UserID, certificate: CertificateSerial, tokenSession: TokenSessionID) {
        self.userID = userID
        self.certificate = certificate
        self.tokenSession = tokenSession
    }
}

extension Admission {
    /// The session as ``SessionReview`` sees it.
    public var reviewed: ReviewedSession {
        ReviewedSession(userID: userID, certificate: certificate, tokenSession: tokenSession)
    }
}

/// Decides which live sessions a change of the configuration ends, and why.
///
/// What the snapshot says outright – disabled, revoked, expired, ended – ends a session. What it merely lacks ends one
/// only where the snapshot is known to come after the one before: a server that lags behind, or a store that was set
/// back, must not cost anyone the tunnel. A changed password ends nothing: the session's next renegotiation asks for
/// the new one.
public struct SessionReview: Sendable {
    /// How a snapshot relates to the one that the node had before.
    public enum History: Hashable, Sendable {
        /// It comes after it, change by change.
        case continued
        /// Nobody knows: another lineage, a revision that went back, or one that is not in the store's history.
        case unknown
    }

    private let snapshot: Snapshot
    private let history: History

    /// Reviews with the snapshot that the node has now.
    public init(snapshot: Snapshot, history: History) {
        self.snapshot = snapshot
        self.history = history
    }

    /// Reviews with the snapshot that the node has now.
    ///
    /// - Parameter previous: The revision of the snapshot before; nil for the first.
    public init(snapshot: Snapshot, after previous: Revision?) {
        let isLater =
            previous.map { old in
                old == snapshot.revision
                    || (old.lineage == snapshot.revision.lineage && old.number < snapshot.revision.number)
            } ?? true
        self.init(snapshot: snapshot, history: isLater ? .continued : .unknown)
    }

    /// Why a session must end now, in the reason that its client is told; nil when it may go on.
    ///
    /// - Parameter now: Store time.
    public func reasonToEnd(_ session: ReviewedSession, now: Timestamp) -> RefusalReason? {
        if snapshot.isRefused(session.tokenSession) { return .sessionEnded }
        if let known = snapshot.certificates[session.certificate] {
            guard known.user == session.userID else { return .certificateUnknown }
            if let reason = CertificateDecision.refusal(of: known, now: now) { return reason }
            if known.profile == .autoLogin, snapshot.users[session.userID]?.allowsAutoLogin == false {
                return .autoLoginNotAllowed
            }
        } else if history == .continued {
            return snapshot.users[session.userID] == nil ? .userRemoved : .certificateUnknown
        }
        guard let user = snapshot.users[session.userID] else { return history == .continued ? .userRemoved : nil }
        return user.isEnabled ? nil : .userDisabled
    }
}
