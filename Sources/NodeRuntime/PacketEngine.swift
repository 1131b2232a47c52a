package import VPNEngine
package import VPNProtocol

/// What the runtime asks of a packet engine: `Engine`, or something that stands in for it in a test.
package protocol PacketEngine: Sendable {
    /// Opens everything and starts; on failure nothing is left behind.
    func start() throws
    /// Tells the clients, takes everything down and returns when that is done.
    func stop(grace: Duration) async
    /// Returns when the engine has stopped, and throws what it stopped for.
    func waitUntilStopped() async throws
    /// Ends one session.
    func end(_ session: SessionHandle, _ ending: SessionEnding)
    /// Changes what may change while it runs.
    func update(_ update: EngineUpdate)
    /// What every live session has carried.
    func statistics() async -> [SessionStatistics]
    /// What the engine has done since it started.
    func counters() async -> EngineCounters
}

extension Engine: PacketEngine {}
