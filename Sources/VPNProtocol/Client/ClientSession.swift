public import VPNFormats

/// How a client introduces itself, and what it has to show.
public struct ClientSettings: Sendable {
    /// The profile's key: its own (with `wrappedKey`), or one shared by all (tls-crypt).
    public var wrapKey: StaticKey
    /// The profile's key as the server wrapped it, sent along with the first packets (tls-crypt-v2).
    public var wrappedKey: [UInt8]?
    /// Says that the wrapped key can be repeated with the second packet, so that the server keeps nothing before.
    public var announcesEarlyNegotiation: Bool
    /// User name and password or token. A secret.
    public var credentials: Credentials
    /// What the client says of itself.
    public var peerInfo: PeerInfo
    /// What the client says of its settings, as the protocol's older part has it.
    public var options: OCCOptions
    /// A key exchange must be complete within this time.
    public var handshakeWindow: Duration
    /// The client begins a renegotiation when a key is this old; nil: never.
    public var renegotiateAfter: Duration?
    /// First wait for an acknowledgement; doubled with each try.
    public var retransmitAfter: Duration

    /// Settings of one client.
    public init(
        wrapKey: StaticKey, wrappedKey: [UInt8]? = nil, announcesEarlyNegotiation: Bool = true,
        credentials: Credentials, peerInfo: PeerInfo,
        options: OCCOptions,
        handshakeWindow: Duration = .seconds(60), renegotiateAfter: Duration? = .seconds(3_600),
        retransmitAfter: Duration = .seconds(2)
    ) {
        self.wrapKey = wrapKey
        self.wrappedKey = wrappedKey
        self.announcesEarlyNegotiation = announcesEarlyNegotiation
        self.credentials = credentials
        self.peerInfo = peerInfo
        self.options = options
        self.handshakeWindow = handshakeWindow
        self.renegotiateAfter = renegotiateAfter
        self.retransmitAfter = retransmitAfter
    }
}

/// What a client session asks of its driver, in order.
public enum ClientAction: Sendable {
    /// Send this datagram to the server.
    case send([UInt8])
    /// Something for the TLS object of this key id.
    case tls(KeyID, TLSCommand)
    /// The set of data keys has changed.
    case dataKeysChanged
    /// Encrypt and send a ping.
    case ping
    /// The server's configuration has come, keys are in place: data may flow. One entry for each option, as text.
    case live([String])
    /// The server says so: `AUTH_FAILED…`, `RESTART…`, `HALT…`. The session is over.
    case ended(String)
}

/// The client's side of a session, as far as a server needs one to be measured and tested against: the same control
/// channel and data keys as the server's, the other role's order of events.
///
/// Driven like ``ServerSession``.
public struct ClientSession: Sendable {
    enum Phase: Sendable, Equatable { case greeting, connecting, configuring, live, ended }

    /// How it introduces itself.
    public let settings: ClientSettings
    /// The identifier that it chose.
    public let session: SessionID
    /// Its data keys; the driver takes packet ids from them.
    public var data: DataChannel
    /// The server's options so far, as text.
    public internal(set) var pushed: [String] = []

    /// Our part of a key exchange whose answer has not come yet.
    struct Awaited: Sendable {
        let facts: TLSFacts
        let preMaster: [UInt8]
        let random: KeyExchangeRandom
    }

    var awaited: Awaited?

    var phase: Phase = .greeting
    var control: ControlChannel?
    var exchanges: [KeyExchange] = []
    private var greeting: LongPacketIDSequence
    private var greetAt: Instant
    var cipher: DataCipher?
    var usesExportedKeys = false
    var nextPushRequest: Instant?
    var lastKeyedAt: Instant

    /// A client that has sent nothing yet.
    public init<Generator: RandomNumberGenerator>(settings: ClientSettings, now: Moment, random: inout Generator) {
        self.settings = settings
        self.session = SessionID(using: &random)
        self.data = DataChannel(peerID: nil, now: now.instant)
        // tls-crypt-v2 clients announce that they can repeat their wrapped key by where they begin to count.
        self.greeting = LongPacketIDSequence(
            after: settings.wrappedKey != nil && settings.announcesEarlyNegotiation ? 0x0F00_0000 : 0,
            time: now.wireSeconds)
        self.greetAt = now.instant
        self.lastKeyedAt = now.instant
    }

    /// True while data may flow.
    public var isLive: Bool { self.phase == .live }
    /// The identifier that the server gave; nil before its first answer.
    package var serverSession: SessionID? { self.control?.remoteSession }
    /// True when the server has ended it.
    public var isEnded: Bool { self.phase == .ended }

    func exchangeIndex(_ id: KeyID) -> Int? { self.exchanges.firstIndex { $0.id == id } }
    var pendingIndex: Int? { self.exchanges.firstIndex { !$0.isKeyed } }
    var newestKeyedIndex: Int? { self.exchanges.lastIndex { $0.isKeyed } }

    // MARK: First packet

    private mutating func greet(
        context: SessionContext, actions: inout [ClientAction]
    ) {
        guard let packetID = self.greeting.next(now: context.now.wireSeconds) else { return }
        let opcode: Opcode = self.settings.wrappedKey == nil ? .hardResetClientV2 : .hardResetClientV3
        let packet = ControlWrap(key: self.settings.wrapKey, role: .client).seal(
            header: PacketHeader(opcode, .initial), session: self.session, packetID: packetID,
            body: ControlBody(messageID: 0).bytes, crypto: context.crypto)
        actions.append(.send(packet + (self.settings.wrappedKey ?? [])))
        self.greetAt = context.now.instant.advanced(by: self.settings.retransmitAfter)
    }

    private mutating func receiveGreeting(
        _ packet: [UInt8], context: SessionContext, actions: inout [ClientAction]
    ) {
        let wrap = ControlWrap(key: self.settings.wrapKey, role: .client)
        guard let opened = wrap.open(packet, crypto: context.crypto), opened.header.opcode == .hardResetServerV2,
            let body = ControlBody(opcode: opened.header.opcode, bytes: opened.body), body.messageID == 0,
            body.acknowledgements == [0], body.remoteSession == self.session,
            let options = ResetReplyOptions(bytes: body.payload)
        else { return }
        var stream = ReliableStream(nextSendID: 1)
        _ = stream.receive(id: 0, payload: [])
        _ = stream.nextInOrder()
        var control = ControlChannel(
            localSession: self.session, remoteSession: opened.session, wrap: wrap, sequence: self.greeting)
        if options.contains(.resendWrappedKey) { control.appendedKey = self.settings.wrappedKey }
        control.open(.initial, stream: stream)
        self.control = control
        self.exchanges = [KeyExchange(id: .initial, number: 1, now: context.now.instant)]
        self.phase = .connecting
        actions.append(.tls(.initial, .open))
    }

    // MARK: Control packets

    /// Takes in one control packet.
    public mutating func receive(_ packet: [UInt8], context: SessionContext, actions: inout [ClientAction]) {
        if self.phase == .greeting { return self.receiveGreeting(packet, context: context, actions: &actions) }
        guard let result = self.control?.open(packet, crypto: context.crypto), case .success(let opened) = result else {
            return
        }
        if self.control?.hasStream(opened.keyID) == false {
            guard opened.opcode == .softReset, self.isLive else { return }
            if let pending = self.pendingIndex { self.drop(self.exchanges[pending].id, actions: &actions) }
            self.startExchange(opened.keyID, context: context, actions: &actions)
        }
        let payloads = self.control?.withStream(opened.keyID) { stream in
            stream.acknowledge(opened.body.acknowledgements, now: context.now.instant)
            var inOrder: [[UInt8]] = []
            if let messageID = opened.body.messageID,
                stream.receive(id: messageID, payload: opened.body.payload) != .outOfWindow
            {
                while let payload = stream.nextInOrder() { inOrder.append(payload) }
            }
            return inOrder
        }
        for payload in payloads ?? [] where !payload.isEmpty {
            actions.append(.tls(opened.keyID, .feed(payload)))
        }
        self.installAcknowledgedKeys(context: context, actions: &actions)
    }

    /// Begins a renegotiation.
    public mutating func renegotiate(context: SessionContext, actions: inout [ClientAction]) {
        guard self.isLive, self.pendingIndex == nil, let newest = self.exchanges.last else { return }
        var id = newest.id.next
        while self.control?.hasStream(id) == true { id = id.next }
        self.startExchange(id, context: context, actions: &actions)
    }

    private mutating func startExchange(_ id: KeyID, context: SessionContext, actions: inout [ClientAction]) {
        self.drop(id, actions: &actions)
        self.keepNewestKey(actions: &actions)
        var stream = ReliableStream()
        stream.enqueueReset(.softReset, now: context.now.instant)
        self.control?.open(id, stream: stream)
        self.exchanges.append(KeyExchange(id: id, number: 0, now: context.now.instant))
        actions.append(.tls(id, .open))
    }

    /// As stock clients do, which have room for two keys: the next exchange takes the place of the one before the last.
    private mutating func keepNewestKey(actions: inout [ClientAction]) {
        guard let newest = self.newestKeyedIndex else { return }
        self.data.promote(self.exchanges[newest].id)
        for exchange in self.exchanges[..<newest] { self.drop(exchange.id, actions: &actions) }
    }

    mutating func drop(_ id: KeyID, actions: inout [ClientAction]) {
        guard let index = self.exchangeIndex(id) else { return }
        self.exchanges.remove(at: index)
        self.control?.close(id)
        self.data.remove(id)
        actions.append(.tls(id, .close))
        actions.append(.dataKeysChanged)
    }

    // MARK: Data packets

    /// Takes note of an authentic data packet. False for a replay.
    public mutating func received(packetID: UInt32, keyIndex: Int, bytes: Int, now: Instant) -> Bool {
        self.data.accept(packetID, keyIndex: keyIndex, bytes: bytes, now: now)
    }

    // MARK: Time

    /// The clock: does what has fallen due, and puts out every control packet that is due. To be called after every
    /// other method, and at `nextDeadline`.
    public mutating func tick(context: SessionContext, actions: inout [ClientAction]) {
        let now = context.now.instant
        guard self.phase != .ended else { return }
        if self.phase == .greeting, self.greetAt <= now { self.greet(context: context, actions: &actions) }
        if let due = self.nextPushRequest, due <= now { self.requestPush(context: context, actions: &actions) }
        if self.isLive { self.tickLive(context: context, actions: &actions) }
        self.control?.transmit(
            now: context.now, firstTimeout: self.settings.retransmitAfter, crypto: context.crypto
        ) { actions.append(.send($0)) }
    }

    private mutating func requestPush(context: SessionContext, actions: inout [ClientAction]) {
        actions.append(.tls(.initial, .write(ControlMessage.pushRequest.bytes)))
        self.nextPushRequest = context.now.instant.advanced(by: .seconds(5))
    }

    private mutating func tickLive(context: SessionContext, actions: inout [ClientAction]) {
        let now = context.now.instant
        if let pending = self.pendingIndex,
            self.exchanges[pending].startedAt.advanced(by: self.settings.handshakeWindow) <= now
        {
            self.drop(self.exchanges[pending].id, actions: &actions)
        }
        if self.pendingIndex == nil, let interval = self.settings.renegotiateAfter,
            self.lastKeyedAt.advanced(by: interval) <= now
        {
            self.renegotiate(context: context, actions: &actions)
        }
        if let newest = self.newestKeyedIndex, self.exchanges[newest].id != self.data.sendingKey,
            self.switchTime <= now
        {
            self.data.promote(self.exchanges[newest].id)
            for exchange in self.exchanges[..<newest].dropLast() where exchange.isKeyed {
                self.drop(exchange.id, actions: &actions)
            }
        }
        if self.data.lastSent.advanced(by: .seconds(8)) <= now {
            self.data.lastSent = now
            actions.append(.ping)
        }
    }

    /// As stock clients do: half the renegotiation interval, at most the handshake window, after the keys came.
    private var switchTime: Instant {
        let half = (self.settings.renegotiateAfter ?? .seconds(3_600)) / 2
        return self.lastKeyedAt.advanced(by: min(half, self.settings.handshakeWindow))
    }

    /// When `tick` has something to do, if ever.
    public var nextDeadline: Instant? {
        var deadlines: [Instant?] = [self.control?.nextDeadline, self.nextPushRequest]
        switch self.phase {
        case .ended:
            return nil
        case .greeting:
            deadlines.append(self.greetAt)
        case .connecting, .configuring:
            break
        case .live:
            deadlines.append(self.data.lastSent.advanced(by: .seconds(8)))
            if let pending = self.pendingIndex {
                deadlines.append(self.exchanges[pending].startedAt.advanced(by: self.settings.handshakeWindow))
            } else if let interval = self.settings.renegotiateAfter {
                deadlines.append(self.lastKeyedAt.advanced(by: interval))
            }
            if let newest = self.newestKeyedIndex, self.exchanges[newest].id != self.data.sendingKey {
                deadlines.append(self.switchTime)
            }
        }
        return deadlines.compactMap { $0 }.min()
    }

    mutating func becomeLive(actions: inout [ClientAction]) {
        self.phase = .live
        self.nextPushRequest = nil
        actions.append(.live(self.pushed))
    }
}
