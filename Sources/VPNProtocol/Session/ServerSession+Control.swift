import VPNFormats

/// What every method of a session that may answer needs: what the server offers, the cipher primitives, the time.
public struct SessionContext: Sendable {
    /// What the server offers at present.
    public let settings: ServerSettings
    /// Primitives of the control channel.
    public let crypto: any KeyDerivationCryptography
    /// What the clocks said when the batch began.
    public let now: Moment

    /// A context for one batch.
    public init(settings: ServerSettings, crypto: any KeyDerivationCryptography, now: Moment) {
        self.settings = settings
        self.crypto = crypto
        self.now = now
    }
}

extension ControlChannel.Opened {
    /// False for what no client sends: resets of the server's, resets that are not first in their stream, and a
    /// renegotiation under key id 0.
    fileprivate var isPossible: Bool {
        switch self.opcode {
        case .hardResetClientV2, .hardResetClientV3: self.keyID == .initial && self.body.messageID == 0
        case .softReset: self.keyID != .initial && self.body.messageID == 0
        case .control, .controlWithWrappedKey, .acknowledgement: true
        case .hardResetServerV2, .dataV1, .dataV2: false
        }
    }
}

extension ServerSession {
    /// Begins key id 0: the stateless part took message id 0 of both sides.
    mutating func begin(context: SessionContext, actions: inout [SessionAction]) {
        let first = KeyID.initial
        self.control.open(first, stream: ReliableStream(nextSendID: 1, nextReceiveID: 1))
        self.append(first, now: context.now.instant)
        actions.append(.tls(first, .open))
    }

    /// Takes in one control packet that carries this session's identifier. A wrapped client key behind it has been
    /// cut off.
    ///
    /// - Returns: Why it was dropped, or nil.
    mutating func receive(
        _ packet: [UInt8], path: NetworkPath, context: SessionContext, actions: inout [SessionAction]
    ) -> DropReason? {
        // A key that others have too proves a client only together with its address.
        guard path.remote == self.path.remote || (self.wrapIsPersonal && self.isLive) else { return .foreignSession }
        switch self.control.open(packet, crypto: context.crypto) {
        case .failure(let rejection):
            return DropReason(rejection)
        case .success(let opened):
            return self.receive(opened, context: context, actions: &actions)
        }
    }

    private mutating func receive(
        _ opened: ControlChannel.Opened, context: SessionContext, actions: inout [SessionAction]
    ) -> DropReason? {
        guard self.phase != .ended else { return .sessionEnded }
        guard opened.isPossible else { return .malformed }
        if !self.control.hasStream(opened.keyID) {
            guard opened.opcode == .softReset, self.isLive else { return .unknownKey }
            self.acceptRenegotiation(opened.keyID, context: context, actions: &actions)
        }
        let now = context.now.instant
        var isInWindow = true
        let payloads = self.control.withStream(opened.keyID) { stream in
            stream.acknowledge(opened.body.acknowledgements, now: now)
            if let messageID = opened.body.messageID {
                // What a reset carries is no TLS.
                let payload = opened.opcode.carriesTLS ? opened.body.payload : []
                isInWindow = stream.receive(id: messageID, payload: payload) != .outOfWindow
            }
            var inOrder: [[UInt8]] = []
            while let payload = stream.nextInOrder() { inOrder.append(payload) }
            return inOrder
        }
        guard isInWindow else { return .outOfWindow }
        for payload in payloads ?? [] where !payload.isEmpty {
            self.feed(payload, to: opened.keyID, context: context, actions: &actions)
        }
        return nil
    }

    private mutating func feed(
        _ bytes: [UInt8], to id: KeyID, context: SessionContext, actions: inout [SessionAction]
    ) {
        guard let index = self.exchangeIndex(id) else { return }
        switch self.exchanges[index].stage {
        case .severed:
            return
        case .keyed:
            break
        case .handshaking, .established, .authorizing:
            self.exchanges[index].unprovenBytes += bytes.count
            guard self.exchanges[index].unprovenBytes <= KeyExchange.unprovenBytesLimit else {
                return self.abandon(
                    id, reason: .protocolError("too much data before login"), context: context, actions: &actions)
            }
        }
        actions.append(.tls(id, .feed(bytes)))
    }

    // MARK: Renegotiation

    /// The client begins a renegotiation, or answers one of ours under another id than we chose: its id counts.
    private mutating func acceptRenegotiation(
        _ id: KeyID, context: SessionContext, actions: inout [SessionAction]
    ) {
        if let pending = self.pendingIndex {
            self.drop(self.exchanges[pending].id, actions: &actions)
        }
        self.startExchange(id, context: context, actions: &actions)
    }

    /// Begins a renegotiation of ours.
    mutating func renegotiate(context: SessionContext, actions: inout [SessionAction]) {
        guard self.isLive, self.pendingIndex == nil, let newest = self.exchanges.last else { return }
        var id = newest.id.next
        for _ in 1...7 where self.control.hasStream(id) { id = id.next }
        guard !self.control.hasStream(id) else { return }
        self.startExchange(id, context: context, actions: &actions)
    }

    private mutating func startExchange(
        _ id: KeyID, context: SessionContext, actions: inout [SessionAction]
    ) {
        self.drop(id, actions: &actions)
        var stream = ReliableStream()
        stream.enqueueReset(.softReset, now: context.now.instant)
        self.control.open(id, stream: stream)
        self.append(id, now: context.now.instant)
        actions.append(.tls(id, .open))
    }

    private mutating func append(_ id: KeyID, now: Instant) {
        self.exchangeCount &+= 1
        self.exchanges.append(KeyExchange(id: id, number: self.exchangeCount, now: now))
    }

    /// Forgets a key id altogether.
    mutating func drop(_ id: KeyID, actions: inout [SessionAction]) {
        guard let index = self.exchangeIndex(id) else { return }
        self.exchanges.remove(at: index)
        self.control.close(id)
        actions.append(.tls(id, .close))
        if self.data.index(of: id) != nil {
            self.data.remove(id)
            actions.append(.dataKeysChanged)
        }
    }

    /// A key exchange that cannot be finished: without an earlier key the session is over, with one it goes on.
    mutating func abandon(
        _ id: KeyID, reason: EndReason, context: SessionContext, actions: inout [SessionAction]
    ) {
        if self.newestKeyedIndex == nil {
            self.finish(reason: reason, context: context, actions: &actions)
        } else {
            self.drop(id, actions: &actions)
            self.renegotiateNotBefore = context.now.instant.advanced(by: context.settings.handshakeWindow)
        }
    }

    // MARK: TLS

    /// Takes in what the TLS object of a key id produced.
    public mutating func tlsProgress<Generator: RandomNumberGenerator>(
        _ id: KeyID, _ output: TLSOutput, context: SessionContext, random: inout Generator,
        actions: inout [SessionAction]
    ) {
        guard let index = self.exchangeIndex(id), self.phase != .ended else { return }
        if !output.ciphertext.isEmpty {
            let queued = self.control.withStream(id) { $0.enqueue(output.ciphertext) } ?? false
            guard queued else { return self.backlogIsFull(id, context: context, actions: &actions) }
        }
        switch output.status {
        case .unchanged:
            break
        case .established(let facts):
            if case .handshaking = self.exchanges[index].stage {
                self.exchanges[index].stage = .established(facts)
                self.tlsVersion = facts.version
            }
        case .failed:
            break
        }
        for record in output.records where !self.isOver {
            self.receive(record: record, on: id, context: context, random: &random, actions: &actions)
        }
        // Last: a client that says goodbye and closes TLS at once has said goodbye.
        if case .failed(let reason) = output.status {
            self.tlsFailed(id, reason: reason, context: context, actions: &actions)
        }
    }

    private mutating func backlogIsFull(
        _ id: KeyID, context: SessionContext, actions: inout [SessionAction]
    ) {
        let reason = EndReason.protocolError("client acknowledges nothing")
        if let index = self.exchangeIndex(id), self.exchanges[index].isKeyed {
            // Its bytes are lost, so that nothing can be said any more; its data key alone is no session.
            self.finish(reason: reason, context: context, actions: &actions)
        } else {
            self.abandon(id, reason: reason, context: context, actions: &actions)
        }
    }

    private mutating func tlsFailed(
        _ id: KeyID, reason: String, context: SessionContext, actions: inout [SessionAction]
    ) {
        guard !self.isOver else { return }
        if let index = self.exchangeIndex(id), self.exchanges[index].isKeyed {
            // Data goes on under its keys; only words can no longer be exchanged.
            self.exchanges[index].stage = .severed
            return
        }
        self.abandon(id, reason: .tlsFailed(reason), context: context, actions: &actions)
    }

    private mutating func receive<Generator: RandomNumberGenerator>(
        record: [UInt8], on id: KeyID, context: SessionContext, random: inout Generator,
        actions: inout [SessionAction]
    ) {
        guard let index = self.exchangeIndex(id) else { return }
        switch self.exchanges[index].stage {
        case .established(let facts):
            self.receiveKeyMethod(record, facts: facts, on: id, context: context, random: &random, actions: &actions)
        case .authorizing, .keyed:
            for message in ControlMessage.messages(in: record) {
                self.receive(message: message, on: id, context: context, actions: &actions)
            }
        case .handshaking, .severed:
            break
        }
    }

    private mutating func receive(
        message: ControlMessage, on id: KeyID, context: SessionContext, actions: inout [SessionAction]
    ) {
        switch message {
        case .pushRequest:
            if self.phase == .admitted { self.push(context: context, actions: &actions) }
            self.isPushRequested = true
        case .exit:
            self.leave(context: context, actions: &actions)
        default:
            // Answers to questions that this server never asks, and messages of later versions.
            break
        }
    }

    // MARK: Output

    /// Puts out every control packet that is due. To be called after any other method.
    public mutating func flush(context: SessionContext, actions: inout [SessionAction]) {
        guard self.phase != .ended else { return }
        self.control.transmit(
            now: context.now, firstTimeout: context.settings.retransmitAfter, crypto: context.crypto
        ) { actions.append(.send($0)) }
    }
}
