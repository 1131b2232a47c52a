import VPNFormats

extension ServerSession {
    /// The clock: does what has fallen due. Harmless when called early.
    public mutating func tick(context: SessionContext, actions: inout [SessionAction]) {
        let now = context.now.instant
        switch self.phase {
        case .ended:
            return
        case .ending(let until):
            if until <= now { self.close(actions: &actions) }
            return
        case .connecting, .admitted:
            if let delayed = self.delayedRefusal, delayed.at <= now {
                self.end(.refused(delayed.refusal), context: context, actions: &actions)
            } else if self.handshakeDeadline(context.settings) <= now {
                self.finish(reason: .handshakeTimeout, context: context, actions: &actions)
            }
        case .live:
            self.tickLive(context: context, actions: &actions)
        }
    }

    private mutating func tickLive(context: SessionContext, actions: inout [SessionAction]) {
        let now = context.now.instant
        guard let keepalive = self.grant?.keepalive else { return }
        if self.data.lastReceived.advanced(by: keepalive.serverTimeout) <= now {
            return self.finish(reason: .timeout, context: context, actions: &actions)
        }
        if let pending = self.pendingIndex,
            self.exchanges[pending].startedAt.advanced(by: context.settings.handshakeWindow) <= now
        {
            self.abandon(self.exchanges[pending].id, reason: .handshakeTimeout, context: context, actions: &actions)
        }
        self.tickKeys(context: context, actions: &actions)
        if self.data.lastSent.advanced(by: keepalive.serverPing) <= now {
            self.data.lastSent = now
            actions.append(.ping)
        }
    }

    private mutating func tickKeys(context: SessionContext, actions: inout [SessionAction]) {
        let now = context.now.instant
        for id in self.exchanges.filter({ ($0.retireAt ?? now.advanced(by: .seconds(1))) <= now }).map(\.id) {
            self.drop(id, actions: &actions)
        }
        guard let newest = self.newestKeyedIndex else { return }
        let exchange = self.exchanges[newest]
        if let switchAt = self.switchTime(context.settings), switchAt <= now {
            guard self.control.isDrained(exchange.id) else {
                return self.abandon(exchange.id, reason: .handshakeTimeout, context: context, actions: &actions)
            }
            self.data.promote(exchange.id)
            self.retireKeys(before: exchange.id, at: now.advanced(by: context.settings.transitionWindow))
        }
        if let due = self.renegotiationDue(exchange), due <= now {
            self.renegotiate(context: context, actions: &actions)
        }
    }

    /// When the newest key is used to send although the client was not heard to use it: clients switch on their own
    /// within the handshake window, and have no room for a third key, so that it is well before the next renegotiation.
    /// A client that has not acknowledged our half of the exchange may not have the key: it gets as long again, and then
    /// the key is given up.
    private func switchTime(_ settings: ServerSettings) -> Instant? {
        guard let newest = self.newestKeyedIndex, self.exchanges[newest].id != self.data.sendingKey,
            let index = self.data.index(of: self.exchanges[newest].id)
        else { return nil }
        let window = settings.handshakeWindow
        let patience =
            self.control.isDrained(self.exchanges[newest].id)
            ? min(window, settings.renegotiateAfter.map { $0 / 2 } ?? window) : window * 2
        return self.data.keys[index].installedAt.advanced(by: patience)
    }

    private func renegotiationDue(_ exchange: KeyExchange) -> Instant? {
        guard self.pendingIndex == nil else { return nil }
        let isWorn = self.data.index(of: exchange.id).map { self.data.keys[$0].isWorn } ?? false
        if isWorn { return self.renegotiateNotBefore }
        return exchange.renegotiateAt.map { max($0, self.renegotiateNotBefore) }
    }

    func handshakeDeadline(_ settings: ServerSettings) -> Instant {
        self.createdAt.advanced(by: settings.handshakeWindow)
    }

    /// When `tick` or `flush` has something to do, if ever.
    public func nextDeadline(settings: ServerSettings) -> Instant? {
        var deadlines: [Instant?] = [self.control.nextDeadline]
        switch self.phase {
        case .ended:
            return nil
        case .ending(let until):
            deadlines.append(until)
        case .connecting, .admitted:
            deadlines.append(self.handshakeDeadline(settings))
            deadlines.append(self.delayedRefusal?.at)
        case .live:
            if let keepalive = self.grant?.keepalive {
                deadlines.append(self.data.lastReceived.advanced(by: keepalive.serverTimeout))
                deadlines.append(self.data.lastSent.advanced(by: keepalive.serverPing))
            }
            if let pending = self.pendingIndex {
                deadlines.append(self.exchanges[pending].startedAt.advanced(by: settings.handshakeWindow))
            }
            deadlines.append(self.newestKeyedIndex.flatMap { self.renegotiationDue(self.exchanges[$0]) })
            deadlines.append(self.switchTime(settings))
            deadlines.append(contentsOf: self.exchanges.map(\.retireAt))
        }
        return deadlines.compactMap { $0 }.min()
    }
}
