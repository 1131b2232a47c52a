internal import Synchronization
internal import VPNFormats
public import VPNProtocol

/// A VPN server: listens, terminates OpenVPN clients, and moves packets between them and a tun device.
///
/// Who may come in is asked of an ``Authorizer``. An engine is started once and stopped once. All methods may be called
/// from any thread or task.
public final class Engine: Sendable {
    private enum State {
        case idle
        case running(Mailbox, EngineThread)
        case over
    }

    private let configuration: EngineConfiguration
    private let authorizer: any Authorizer
    private let onEvent: @Sendable (EngineEvent) -> Void
    private let state = Mutex(State.idle)
    private let ending = EngineEnding()

    /// - Parameters:
    ///   - authorizer: Decides who may come in.
    ///   - onEvent: Told what an operator may want to read. Called from the engine's threads; must return at once.
    public init(
        configuration: EngineConfiguration, authorizer: any Authorizer,
        onEvent: @escaping @Sendable (EngineEvent) -> Void
    ) {
        self.configuration = configuration
        self.authorizer = authorizer
        self.onEvent = onEvent
    }

    /// Opens the sockets, the tun device and the way out, and starts the shard's thread. On failure nothing is left
    /// behind.
    ///
    /// - Throws: ``EngineError``; `.configuration` also where the engine was started before.
    public func start() throws(EngineError) {
        let isFirst = self.state.withLock { state in
            guard case .idle = state else { return false }
            state = .over
            return true
        }
        guard isFirst else { throw EngineError(.configuration, "an engine is started once") }
        let mailbox: Mailbox
        do { mailbox = try Mailbox() } catch { throw EngineError(error) }
        let ending = self.ending
        let parts = try ShardParts(
            configuration: self.configuration, mailbox: mailbox, authorizer: self.authorizer, onEvent: self.onEvent,
            onStopped: { ending.finish($0) })
        let shard = try Shard(parts)
        do {
            let thread = try EngineThread(name: "asnode-shard") { shard.run() }
            self.state.withLock { $0 = .running(mailbox, thread) }
        } catch {
            throw EngineError(error)
        }
        self.onEvent(.tunnelUp(name: parts.tunnel.name))
        for listener in self.configuration.listeners { self.onEvent(.listening(listener)) }
    }

    /// Tells every client to go on elsewhere, waits until they know, takes the way out and the tun device away, and
    /// joins the thread. Further calls wait for the first. Without effect on an engine that was never started.
    ///
    /// - Parameter grace: Longest wait for clients to acknowledge.
    public func stop(grace: Duration = .seconds(2)) async {
        guard let mailbox = self.mailbox else { return }
        let deadline = Moment.current().instant.advanced(by: grace)
        mailbox.post(.stop(deadline: deadline, .restart(advance: true, text: "server is shutting down")))
        _ = await self.ending.wait()
        self.join()
    }

    /// Returns when the engine has stopped.
    ///
    /// - Throws: What it stopped for, if it was not ``stop(grace:)``.
    public func waitUntilStopped() async throws(EngineError) {
        let failure = await self.ending.wait()
        self.join()
        if let failure { throw failure }
    }

    private var mailbox: Mailbox? {
        self.state.withLock { state in
            if case .running(let mailbox, _) = state { return mailbox }
            return nil
        }
    }

    /// The thread has nothing left to do when this is called.
    private func join() {
        let thread: EngineThread? = self.state.withLock { state in
            guard case .running(_, let thread) = state else { return nil }
            state = .over
            return thread
        }
        thread?.join()
    }
}

// MARK: - While it runs

extension Engine {
    /// Ends one session and tells its client why. Without effect when it is gone; may be called as soon as
    /// ``Authorizer/authorize(_:)`` has named the session.
    public func end(_ session: SessionHandle, _ ending: SessionEnding) {
        self.mailbox?.post(.end(session, ending))
    }

    /// Changes what may change while the engine runs.
    public func update(_ update: EngineUpdate) {
        self.mailbox?.post(.update(update))
    }

    /// What every live session has carried.
    public func statistics() async -> [SessionStatistics] {
        await self.ask { .statistics($0) } ?? []
    }

    /// What the engine has done since it started.
    public func counters() async -> EngineCounters {
        await self.ask { .counters($0) } ?? EngineCounters()
    }

    /// Every live session, written out, for another process to go on with after this one is gone
    /// (``EngineConfiguration/resume``). The bytes hold keys: a secret. Good for as long as fewer than 2^20 packets were
    /// sent to any client after it was written; two processes must never use one at the same time.
    public func exportSessions() async -> [[UInt8]] {
        await self.ask { .export($0) } ?? []
    }

    /// Asks the shard; nil where it has stopped.
    private func ask<Answer: Sendable>(
        _ question: (@escaping @Sendable (Answer) -> Void) -> ShardCommand
    ) async -> Answer? {
        guard let mailbox = self.mailbox else { return nil }
        return await withCheckedContinuation { continuation in
            let isPosted = mailbox.post(question { continuation.resume(returning: $0) })
            if !isPosted { continuation.resume(returning: nil) }
        }
    }
}

/// How an engine ended: known once, asked for by many.
final class EngineEnding: Sendable {
    private struct State {
        var outcome: EngineError??
        var waiting: [CheckedContinuation<EngineError?, Never>] = []
    }

    private let state = Mutex(State())

    func finish(_ failure: EngineError?) {
        let waiting = self.state.withLock { state in
            if state.outcome == nil { state.outcome = .some(failure) }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: failure) }
    }

    func wait() async -> EngineError? {
        await withCheckedContinuation { continuation in
            let outcome: EngineError?? = self.state.withLock { state in
                if state.outcome == nil { state.waiting.append(continuation) }
                return state.outcome
            }
            if let outcome { continuation.resume(returning: outcome) }
        }
    }
}
