internal import ClusterCore
internal import VPNEngine
internal import VPNFormats
internal import VPNProtocol

/// Who is let in on this node, and what was decided on: a value that the authorizer keeps under its lock.
///
/// Every decision is made and entered here in one step against the snapshot of that moment. So a login that is decided
/// while the configuration changes is either decided on the new snapshot, or entered before it comes, and then
/// ``replace(_:now:)`` finds it.
struct SessionRegistry: Sendable {
    /// The configuration that decisions are made on.
    private(set) var snapshot: Snapshot
    /// Whether new clients are turned away.
    var isDraining = false
    private(set) var sessions: [SessionHandle: AdmittedSession] = [:]
    private var pool: AddressPool
    private(set) var failures: [UserID: LoginFailures]
    private var handles: [TokenSessionID: Set<SessionHandle>] = [:]
    private let policy = LoginPolicy()

    init(snapshot: Snapshot, pool: AddressPool) {
        self.snapshot = snapshot
        self.pool = pool
        self.failures = snapshot.failures
    }

    /// What came of a step of a login.
    enum Outcome: Sendable {
        /// The password is to be checked.
        case check(PasswordCheck)
        /// The client is in; these are the events to record.
        case admitted(AdmittedSession, [RecordedEvent])
        /// The client is turned down.
        case refused(LoginRefusal, [RecordedEvent])
    }

    /// Begins to decide about a login.
    mutating func begin(
        _ login: Login, now: Timestamp, using random: inout some RandomNumberGenerator
    ) -> Outcome {
        let known = failures
        let step = policy.begin(
            request(login), snapshot: snapshot, failures: { known[$0] }, circumstances: circumstances(now),
            using: &random)
        return enter(step, login, now: now, using: &random)
    }

    /// Goes on with a login whose password was checked.
    mutating func finish(
        _ check: PasswordCheck, matched: Bool, _ login: Login, now: Timestamp,
        using random: inout some RandomNumberGenerator
    ) -> Outcome {
        let known = failures
        let step = policy.finish(
            check, matched: matched, snapshot: snapshot, failures: { known[$0] }, circumstances: circumstances(now),
            using: &random)
        return enter(step, login, now: now, using: &random)
    }

    /// The session has gone live.
    ///
    /// - Returns: What to record, and the older sessions of the same client, which end now.
    mutating func wentLive(
        _ handle: SessionHandle, now: Timestamp
    ) -> (events: [RecordedEvent], superseded: [SessionHandle], ending: RefusalReason?) {
        guard var session = sessions[handle], session.liveSince == nil else { return ([], [], nil) }
        session.liveSince = now
        sessions[handle] = session
        return ([.began(handle, session)], liveSessions(like: session, but: handle), session.ending)
    }

    /// The other live sessions of the same client.
    private func liveSessions(like session: AdmittedSession, but handle: SessionHandle) -> [SessionHandle] {
        let candidates = handles[session.admission.tokenSession] ?? []
        let live = candidates.filter { candidate in
            guard candidate != handle, let other = sessions[candidate] else { return false }
            return other.ending == nil && other.liveSince != nil
        }
        return live.sorted { $0.rawValue < $1.rawValue }
    }

    /// The session is over: its addresses are free again.
    mutating func ended(_ report: SessionReport, reason: String, now: Timestamp) -> RecordedEvent? {
        guard let session = sessions.removeValue(forKey: report.session) else { return nil }
        pool.release(session.addresses)
        forget(report.session, of: session.admission.tokenSession)
        guard session.liveSince != nil else { return nil }
        let traffic = Traffic(
            bytesReceived: Int64(clamping: report.statistics.bytesIn),
            bytesSent: Int64(clamping: report.statistics.bytesOut))
        return .ended(
            SessionEnd(id: session.record, at: now, reason: session.ending?.rawValue ?? reason, traffic: traffic),
            cipher: report.statistics.cipher?.name)
    }

    /// Takes a new snapshot.
    ///
    /// - Returns: The sessions that it ends, with the reason; each is named once.
    mutating func replace(_ new: Snapshot, now: Timestamp) -> [(SessionHandle, RefusalReason)] {
        let previous = snapshot.revision
        snapshot = new
        failures = new.failures
        return review(SessionReview(snapshot: new, after: previous), now: now)
    }

    /// Looks for sessions that must end although the configuration did not change: expired certificates.
    mutating func review(now: Timestamp) -> [(SessionHandle, RefusalReason)] {
        review(SessionReview(snapshot: snapshot, after: snapshot.revision), now: now)
    }

    /// Takes over the failed logins of a user as they are in the store, unless something was counted since.
    ///
    /// - Returns: Whether they were taken over.
    mutating func setFailures(_ row: LoginFailures?, of user: UserID, insteadOf known: LoginFailures?) -> Bool {
        guard failures[user] == known else { return false }
        failures[user] = row
        return true
    }

    /// How many sessions are live.
    var liveCount: Int { sessions.values.count { $0.liveSince != nil } }

    private mutating func review(_ review: SessionReview, now: Timestamp) -> [(SessionHandle, RefusalReason)] {
        var ends: [(SessionHandle, RefusalReason)] = []
        for (handle, session) in sessions where session.ending == nil {
            guard let reason = review.reasonToEnd(session.admission.reviewed, now: now) else { continue }
            sessions[handle]?.ending = reason
            ends.append((handle, reason))
        }
        return ends.sorted { $0.0.rawValue < $1.0.rawValue }
    }

    private func request(_ login: Login) -> ClusterCore.LoginRequest {
        let credentials = login.request.credentials
        return ClusterCore.LoginRequest(
            certificate: login.request.certificate, userName: credentials.username,
            password: Array(credentials.password.utf8), live: sessions[login.session]?.admission.live)
    }

    private func circumstances(_ now: Timestamp) -> LoginCircumstances {
        LoginCircumstances(
            now: now, hasRoom: sessions.count < snapshot.settings[.maximumClients], isDraining: isDraining)
    }

    private mutating func enter(
        _ step: LoginStep, _ login: Login, now: Timestamp, using random: inout some RandomNumberGenerator
    ) -> Outcome {
        switch step {
        case .checkPassword(let check): return .check(check)
        case .refused(let refusal): return refuse(refusal)
        case .admitted(let admission): return admit(admission, login, now: now, using: &random)
        }
    }

    private mutating func refuse(_ refusal: LoginRefusal) -> Outcome {
        guard let row = refusal.failures else { return .refused(refusal, []) }
        failures[row.user] = row
        return .refused(refusal, [.failed(row)])
    }

    private mutating func admit(
        _ admission: Admission, _ login: Login, now: Timestamp, using random: inout some RandomNumberGenerator
    ) -> Outcome {
        var events: [RecordedEvent] = []
        if admission.clearsFailures {
            failures[admission.userID] = nil
            events.append(.clearedFailures(admission.userID))
        }
        if var live = sessions[login.session] {
            if let ending = live.ending { return .refused(LoginRefusal(ending), events) }
            forget(login.session, of: live.admission.tokenSession)
            live.admission = admission
            sessions[login.session] = live
            handles[admission.tokenSession, default: []].insert(login.session)
            return .admitted(live, events)
        }
        let holder = AddressHolder(user: admission.userID, certificate: admission.certificate)
        guard let addresses = pool.take(for: holder) else { return .refused(LoginRefusal(.noAddress), events) }
        let session = AdmittedSession(
            record: SessionRecordID(using: &random), admission: admission, addresses: addresses, remote: login.remote,
            clientVersion: String((login.request.peerInfo["IV_VER"] ?? "").prefix(64)),
            clientPlatform: String((login.request.peerInfo.platform ?? "").prefix(64)), admittedAt: now)
        sessions[login.session] = session
        handles[admission.tokenSession, default: []].insert(login.session)
        return .admitted(session, events)
    }

    private mutating func forget(_ handle: SessionHandle, of tokenSession: TokenSessionID) {
        handles[tokenSession]?.remove(handle)
        if handles[tokenSession]?.isEmpty == true { handles[tokenSession] = nil }
    }
}
