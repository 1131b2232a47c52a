internal import ClusterCore
internal import CoreMetrics
internal import Logging
internal import Synchronization
package import VPNEngine
internal import VPNFormats
package import VPNProtocol

/// Decides about logins from the node's snapshot in memory; the store is never read for one, but for the end of a lock.
///
/// Isolation: safe from any thread. Decisions are made under a lock that is held for microseconds; passwords are hashed
/// outside of it, on threads of their own, and the decision is then made on the snapshot of that moment.
package final class SnapshotAuthorizer: Authorizer {
    private let registry: Mutex<SessionRegistry>
    private let clock: StoreClock
    private let hashing: HashingPool
    private let recorder: any EventSink
    private let nodeAddresses: [IPAddress]
    private let logger: Logger
    private let metrics: NodeMetrics
    private let ends: Mutex<(@Sendable (SessionHandle, SessionEnding) -> Void)?> = Mutex(nil)

    init(
        registry: SessionRegistry, clock: StoreClock, hashing: HashingPool, recorder: any EventSink,
        nodeAddresses: [IPAddress] = [], logger: Logger,
        metrics: NodeMetrics
    ) {
        self.registry = Mutex(registry)
        self.clock = clock
        self.hashing = hashing
        self.recorder = recorder
        self.nodeAddresses = nodeAddresses
        self.logger = logger
        self.metrics = metrics
    }

    /// Says how sessions of the engine are ended; before, none can be.
    func endSessions(by end: @escaping @Sendable (SessionHandle, SessionEnding) -> Void) {
        ends.withLock { $0 = end }
    }

    /// Answers one login; see ``Authorizer/authorize(_:)``.
    package func authorize(_ login: Login) async -> LoginDecision {
        var outcome = decide { registry, now, random in registry.begin(login, now: now, using: &random) }
        outcome = await unlockIfStoreSaysSo(outcome, login)
        // A password that is changed while it is checked leads to another check, but not for ever.
        for _ in 0..<3 {
            guard case .check(let check) = outcome else { return answer(outcome, login) }
            guard let matched = await hashing.run({ check.run() }) else {
                metrics.hashingRefused.increment()
                return answer(.refused(LoginRefusal(.busy), []), login)
            }
            outcome = decide { registry, now, random in
                registry.finish(check, matched: matched, login, now: now, using: &random)
            }
            if case .admitted(let session, _) = outcome, let cost = session.admission.rehash {
                recorder.rehash(login.request.credentials.password, of: session.admission.userID, cost: cost)
            }
        }
        if case .check = outcome { outcome = .refused(LoginRefusal(.busy), []) }
        return answer(outcome, login)
    }

    /// The session carries data from here on; see ``Authorizer/sessionBecameLive(_:)``.
    package func sessionBecameLive(_ handle: SessionHandle) {
        let now = clock.now
        let live = registry.withLock { registry in
            let live = registry.wentLive(handle, now: now)
            metrics.liveSessions.record(registry.liveCount)
            return (live, registry.sessions[handle])
        }
        live.0.events.forEach { recorder.record($0) }
        if let session = live.1 { log(.notice, "connected", session, handle) }
        if let ending = live.0.ending { end(handle, ending) }
        for older in live.0.superseded {
            endNow(older, .restart(advance: false, text: "The client has connected again"))
        }
    }

    /// A session of an earlier process, which nobody here admitted: its client is asked to connect again, which it does
    /// by its token; see ``Authorizer/sessionResumed(_:grant:)``.
    package func sessionResumed(_ handle: SessionHandle, grant: Grant) {
        logger.notice("a session of an earlier process connects again", metadata: ["session": "\(handle)"])
        endNow(handle, .restart(advance: false, text: "The server was replaced"))
    }

    /// The session is over; see ``Authorizer/sessionEnded(_:)``.
    package func sessionEnded(_ report: SessionReport) {
        let now = clock.now
        let (event, session) = registry.withLock { registry in
            let session = registry.sessions[report.session]
            let event = registry.ended(report, reason: report.reason.word, now: now)
            metrics.liveSessions.record(registry.liveCount)
            return (event, session)
        }
        if let event { recorder.record(event) }
        guard let session, session.liveSince != nil else { return }
        var extra: Logger.Metadata = [
            "reason": "\(session.ending?.rawValue ?? report.reason.word)", "received": "\(report.statistics.bytesIn)",
            "sent": "\(report.statistics.bytesOut)",
        ]
        if session.ending == nil { extra["why"] = "\(report.reason)" }
        log(.notice, "disconnected", session, report.session, extra)
    }

    /// Takes a new snapshot, and ends the sessions that it does not allow any more.
    func apply(_ snapshot: Snapshot) {
        let now = clock.now
        endAll(registry.withLock { $0.replace(snapshot, now: now) })
    }

    /// Turns new clients away from now on: the node is about to stop.
    func drain() { registry.withLock { $0.isDraining = true } }

    /// Ends sessions whose certificates have expired.
    func review() {
        let now = clock.now
        endAll(registry.withLock { $0.review(now: now) })
    }

    /// The sessions that are in.
    var sessions: [SessionHandle: AdmittedSession] { registry.withLock { $0.sessions } }

    /// The snapshot that decisions are made on.
    var snapshot: Snapshot { registry.withLock { $0.snapshot } }

    private func decide(
        _ step: (inout SessionRegistry, Timestamp, inout SystemRandomNumberGenerator) -> SessionRegistry.Outcome
    ) -> SessionRegistry.Outcome {
        let now = clock.now
        var random = SystemRandomNumberGenerator()
        // Recorded under the lock, so that whoever sees a decision finds its events with the recorder.
        return registry.withLock { registry in
            let outcome = step(&registry, now, &random)
            switch outcome {
            case .check: break
            case .admitted(_, let events), .refused(_, let events): events.forEach { recorder.record($0) }
            }
            return outcome
        }
    }

    /// A lock may have been taken back since the snapshot was read, which is no change of configuration: asks the store.
    private func unlockIfStoreSaysSo(
        _ outcome: SessionRegistry.Outcome, _ login: Login
    ) async -> SessionRegistry.Outcome {
        guard case .refused(let refusal, _) = outcome, refusal.reason == .lockedOut, let user = refusal.userID else {
            return outcome
        }
        let known = registry.withLock { $0.failures[user] }
        guard let stored = await recorder.storedFailures(of: user) else { return outcome }
        let isTaken = registry.withLock { $0.setFailures(stored.row, of: user, insteadOf: known) }
        guard isTaken else { return outcome }
        return decide { registry, now, random in registry.begin(login, now: now, using: &random) }
    }

    private func answer(_ outcome: SessionRegistry.Outcome, _ login: Login) -> LoginDecision {
        switch outcome {
        case .check: return .refuse(Refusal(RefusalReason.busy))
        case .refused(let refusal, _):
            metrics.refused(refusal.reason).increment()
            logger.notice(
                "login refused",
                metadata: [
                    "user": "\(refusal.userName ?? login.request.credentials.username)", "from": "\(login.remote)",
                    "reason": "\(refusal.reason.rawValue)", "advice": "\(refusal.reason.operatorText)",
                    "session": "\(login.session)",
                ])
            return .refuse(Refusal(refusal.reason))
        case .admitted(let session, _):
            if !login.request.isRenegotiation { metrics.admitted.increment() }
            return .admit(grant(session))
        }
    }

    private func grant(_ session: AdmittedSession) -> Grant {
        let settings = snapshot.settings
        return Grant(
            name: session.admission.userName, ipv4: session.addresses.ipv4, ipv6: session.addresses.ipv6,
            push: PushPlan(settings, nodeAddresses: nodeAddresses).options, authToken: session.admission.tokenText,
            authTokenUser: session.admission.tokenUserName,
            keepalive: Keepalive(ConnectionTiming(settings, platform: session.clientPlatform)))
    }

    private func endAll(_ found: [(SessionHandle, RefusalReason)]) {
        for (handle, reason) in found { end(handle, reason) }
    }

    private func end(_ handle: SessionHandle, _ reason: RefusalReason) {
        logger.notice("ending a session", metadata: ["session": "\(handle)", "reason": "\(reason.rawValue)"])
        endNow(handle, .refused(Refusal(reason)))
    }

    private func endNow(_ handle: SessionHandle, _ ending: SessionEnding) {
        let end = ends.withLock { $0 }
        end?(handle, ending)
    }

    private func log(
        _ level: Logger.Level, _ words: Logger.Message, _ session: AdmittedSession, _ handle: SessionHandle,
        _ extra: Logger.Metadata = [:]
    ) {
        var metadata: Logger.Metadata = [
            "user": "\(session.admission.userName)", "from": "\(session.remote)", "session": "\(handle)",
            "id": "\(session.record)",
        ]
        let addresses = [session.addresses.ipv4?.description, session.addresses.ipv6?.description].compactMap(\.self)
        metadata["address"] = "\(addresses.joined(separator: " "))"
        logger.log(level: level, words, metadata: metadata.merging(extra) { _, new in new })
    }
}
