internal import Glibc
internal import Logging
internal import VPNEngine

/// Writes what the engine tells into the log.
struct EventLog: Sendable {
    let logger: Logger

    /// Writes one event.
    @Sendable func write(_ event: EngineEvent) {
        switch event {
        case .listening(let address): logger.notice("listening on \(address)")
        case .tunnelUp(let name): logger.notice("the tunnel \(name) is up")
        case .session(let session, let remote, let message):
            logger.debug("\(message)", metadata: ["session": "\(session)", "from": "\(remote)"])
        case .changedSetting(let text): logger.notice("set \(text)")
        case .warning(let text): logger.warning("\(text)")
        case .failed(let error): logger.critical("\(error)")
        }
    }
}

/// The monotonic clock that counts while the machine sleeps.
enum Uptime {
    /// How long the machine has been up.
    @Sendable static func now() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }
}
