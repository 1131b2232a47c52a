import VPNFormats

extension ServerSession {
    /// Ends the session and tells the client why, as far as it can be told. Data stops at once.
    public mutating func end(
        _ ending: SessionEnding, context: SessionContext, actions: inout [SessionAction]
    ) {
        guard !self.isOver else { return }
        let message = ending.message(for: self.peerInfo).bytes
        for exchange in self.exchanges where exchange.canSpeak {
            actions.append(.tls(exchange.id, .write(message)))
        }
        self.finish(reason: ending.reason, context: context, actions: &actions)
    }

    /// The client has said goodbye.
    public mutating func leave(context: SessionContext, actions: inout [SessionAction]) {
        self.finish(reason: .clientExit, context: context, actions: &actions)
    }

    /// From here on nothing but last words is exchanged.
    mutating func finish(reason: EndReason, context: SessionContext, actions: inout [SessionAction]) {
        guard !self.isOver else { return }
        self.data.removeAll()
        self.phase = .ending(until: context.now.instant.advanced(by: context.settings.linger))
        actions.append(.dataKeysChanged)
        actions.append(.ended(reason))
    }

    mutating func close(actions: inout [SessionAction]) {
        for exchange in self.exchanges { actions.append(.tls(exchange.id, .close)) }
        self.exchanges = []
        self.phase = .ended
    }
}

extension SessionEnding {
    var reason: EndReason {
        switch self {
        case .refused(let refusal): .refused(refusal.text)
        case .restart(_, let text), .halt(let text): .ended(text)
        }
    }

    /// The message in the form that this client obeys.
    ///
    /// OpenVPN 3 knows one form of `RESTART` that keeps the token, `[P]:`; OpenVPN 2 goes to the next address where N
    /// is among the letters.
    func message(for peer: PeerInfo) -> ControlMessage {
        switch self {
        case .refused(let refusal):
            refusal.message(for: peer)
        case .halt(let text):
            .halt(reason: text.shortened)
        case .restart(let advance, let text):
            .restart(
                advance && !peer.isOpenVPN3 ? [.nextRemote, .keepCredentials] : .keepCredentials,
                reason: text.shortened)
        }
    }
}

extension Refusal {
    /// The longest that a client is left without an answer so that it does not return too early, in seconds.
    private static let longestDelaySeconds: UInt32 = 10

    /// How long the client is left without an answer, where it does not understand that it is to wait.
    func delay(for peer: PeerInfo) -> Duration? {
        guard case .temporary(let backoffSeconds, _) = self.form,
            !peer.protocolFlags.contains(.temporaryAuthFailure), backoffSeconds > 0
        else { return nil }
        return .seconds(Int64(min(backoffSeconds, Self.longestDelaySeconds)))
    }

    func message(for peer: PeerInfo) -> ControlMessage {
        let reason = self.text.shortened
        switch self.form {
        case .failed:
            return .authFailed(.permanent(reason: reason))
        case .sessionExpired:
            return .authFailed(.session(reason: reason))
        case .temporary(let backoffSeconds, let advance):
            guard peer.protocolFlags.contains(.temporaryAuthFailure) else {
                return SessionEnding.restart(advance: advance != .no, text: reason).message(for: peer)
            }
            return .authFailed(
                .temporary(AuthFailure.Temporary(backoffSeconds: backoffSeconds, advance: advance), reason: reason))
        }
    }
}

extension String {
    /// What a client has room to show.
    fileprivate var shortened: String { String(self.prefix(200)) }
}
