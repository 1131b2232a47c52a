internal import Synchronization
internal import VPNProtocol

/// What other threads ask of a shard.
enum ShardCommand: Sendable {
    /// The answer to a login, and whether it was the session's first.
    case decide(SessionHandle, LoginTicket, LoginDecision, isRenegotiation: Bool)
    case end(SessionHandle, SessionEnding)
    case update(EngineUpdate)
    case statistics(@Sendable ([SessionStatistics]) -> Void)
    case counters(@Sendable (EngineCounters) -> Void)
    case export(@Sendable ([[UInt8]]) -> Void)
    /// Tell every client, then stop when they know or at the deadline.
    case stop(deadline: Instant, SessionEnding)
}

/// The only way into a shard from outside its thread. Commands are taken in the order in which they were posted.
final class Mailbox: Sendable {
    private struct State {
        var commands: [ShardCommand] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    let wakeUp: WakeUp

    init() throws(NetworkError) {
        self.wakeUp = try WakeUp()
    }

    /// - Returns: False where the shard has stopped: nobody will see the command.
    @discardableResult
    func post(_ command: ShardCommand) -> Bool {
        let isPosted = self.state.withLock { state in
            guard !state.isClosed else { return false }
            state.commands.append(command)
            return true
        }
        if isPosted { self.wakeUp.signal() }
        return isPosted
    }

    func take() -> [ShardCommand] {
        self.wakeUp.clear()
        return self.state.withLock { state in
            defer { state.commands = [] }
            return state.commands
        }
    }

    /// Takes what is left and lets nothing more in.
    func close() -> [ShardCommand] {
        self.state.withLock { state in
            state.isClosed = true
            defer { state.commands = [] }
            return state.commands
        }
    }
}
