internal import VPNProtocol

/// What other threads ask of a shard.
extension Shard {
    func carryOut(_ command: ShardCommand) {
        switch command {
        case .decide(let handle, let ticket, let decision, let isRenegotiation):
            self.decide(handle, ticket, decision, isRenegotiation: isRenegotiation)
        case .end(let handle, let ending):
            self.endpoint.end(handle, ending, now: self.now)
        case .update(let update):
            self.apply(update)
        case .statistics(let answer):
            answer(self.endpoint.sessions.compactMap { $0 }.filter(\.isLive).map { SessionStatistics($0) })
        case .counters(let answer):
            answer(self.currentCounters())
        case .export(let answer):
            answer(self.endpoint.exportSessions())
        case .stop(let deadline, let ending):
            self.endpoint.acceptsStrangers = false
            self.endpoint.endAll(ending, now: self.now)
            // Its effect is seen at the end of this turn at the earliest.
            self.settle()
            self.stopDeadline = min(self.stopDeadline ?? deadline, deadline)
        }
    }

    private func currentCounters() -> EngineCounters {
        var counters = self.counters
        counters.sessions = self.endpoint.sessionCount
        counters.liveSessions = self.endpoint.sessions.count { $0?.isLive == true }
        counters.drops = self.endpoint.drops
        return counters
    }

    private func apply(_ update: EngineUpdate) {
        if let wrapping = update.wrapping { self.endpoint.wrapping = wrapping }
        if let settings = update.protocolSettings {
            self.endpoint.settings = settings
            self.endpoint.settings.tunnel = self.network
        }
        guard update.credentials != nil || update.tlsVersions != nil else { return }
        let credentials = update.credentials ?? self.credentials
        let versions = update.tlsVersions ?? self.tlsVersions
        do {
            self.tlsContext = try TLSServerContext(credentials, versions: versions)
            self.credentials = credentials
            self.tlsVersions = versions
        } catch {
            self.onEvent(.warning("new certificates are not used: \(error.message)"))
        }
    }
}
