import VPNFormats

/// What an endpoint asks of its driver, in order.
public enum EndpointOutput: Sendable {
    /// Send this datagram.
    case send([UInt8], NetworkPath)
    /// A session asks for something. Never `.send`.
    case session(slot: Int, SessionHandle, SessionAction)
}

/// All of a server that does no I/O: tells sessions apart, answers strangers without keeping state, and drives each
/// session's clock.
///
/// The driver brings datagrams (`receive`), what TLS objects produced (`tlsProgress`), decisions (`decide`) and the
/// time (`tick`), then works off `takeOutputs()` until it is empty, calls `flush`, and works off what that left.
/// Everything happens on the driver's one thread; nothing waits, and nothing grows without bound.
public struct ServerEndpoint<Random: RandomNumberGenerator & Sendable>: Sendable {
    /// What is offered to sessions; also to those that live, from their next decision on.
    public var settings: ServerSettings
    /// Keys for clients to come; those that are connected keep the key they came with.
    public var wrapping: WrappingKeys
    /// What bounds everything that clients can make grow.
    public let limits: EndpointLimits
    /// Packets dropped so far, by reason.
    public internal(set) var drops = DropCounters()
    /// False: nobody new is answered, as when the server shuts down.
    public var acceptsStrangers = true

    let crypto: any KeyDerivationCryptography
    var random: Random
    let cookie: HandshakeCookie

    /// By slot, which is also the peer id.
    public var sessions: [ServerSession?] = []
    var freeSlots = SlotQueue()
    var bySession: [SessionID: Int] = [:]
    var byHandle: [SessionHandle: Int] = [:]
    /// Sessions of peers that know no peer ids, by where they are.
    var byPath: [NetworkPath: Int] = [:]
    var connecting: Set<Int> = []
    var halfOpen = HalfOpenTable()
    var limiter: ReplyLimiter
    var timers = TimerQueue()
    var outputs: [EndpointOutput] = []
    var unflushed: Set<Int> = []
    private var lastHandle: UInt64 = 0

    /// An endpoint without sessions.
    ///
    /// - Parameters:
    ///   - cookieKey: At least 32 bytes, the same on every node that may see an answer. A secret.
    ///   - random: Fit for secrets, but in tests.
    public init(
        settings: ServerSettings, wrapping: WrappingKeys, limits: EndpointLimits, cookieKey: [UInt8],
        crypto: any KeyDerivationCryptography, random: Random, now: Moment
    ) {
        self.settings = settings
        self.wrapping = wrapping
        self.limits = limits
        self.crypto = crypto
        self.random = random
        self.cookie = HandshakeCookie(key: cookieKey)
        self.limiter = ReplyLimiter(limits: limits, now: now.instant)
    }

    func context(_ now: Moment) -> SessionContext {
        SessionContext(settings: self.settings, crypto: self.crypto, now: now)
    }

    // MARK: Looking up

    /// The slot of a session by the peer id in a data packet.
    public func slot(peerID: PeerID) -> Int? {
        let slot = Int(peerID.rawValue)
        // A client that was given no peer id is known by its path alone.
        return slot < self.sessions.count && self.sessions[slot]?.data.peerID == peerID ? slot : nil
    }

    /// The slot of a session whose data packets carry no peer id.
    public func slot(path: NetworkPath) -> Int? {
        self.byPath[path]
    }

    /// The slot of a session by its handle; nil when it is gone.
    public func slot(handle: SessionHandle) -> Int? {
        self.byHandle[handle]
    }

    /// Sessions in every state.
    public var sessionCount: Int { self.byHandle.count }

    /// True when every session is over and its last words were acknowledged.
    public var isQuiet: Bool {
        self.byHandle.values.allSatisfy { self.sessions[$0]?.isQuiet ?? true }
    }

    // MARK: Events

    /// Takes in one control packet.
    public mutating func receive(_ packet: [UInt8], path: NetworkPath, now: Moment) {
        guard let header = packet.first.flatMap(PacketHeader.init(firstByte:)), !header.opcode.isData,
            packet.count <= ControlWrap.maximumPacketBytes + WrappedClientKey.maximumBytes,
            let client = SessionID(bytes: packet.dropFirst().prefix(8))
        else { return self.drops.count(.malformed) }
        if let slot = self.bySession[client] {
            self.receive(packet, opcode: header.opcode, slot: slot, path: path, now: now)
        } else if !self.acceptsStrangers {
            self.drops.count(.full)
        } else if let reason = self.receiveFromStranger(packet, header: header, client: client, path: path, now: now) {
            self.drops.count(reason)
        }
    }

    private mutating func receive(_ packet: [UInt8], opcode: Opcode, slot: Int, path: NetworkPath, now: Moment) {
        var inner = packet
        if opcode.carriesWrappedKey {
            guard let split = ControlWrap.splitWrappedKey(from: packet[...]) else {
                return self.drops.count(.malformed)
            }
            inner = Array(split.packet)
        }
        var drop: DropReason?
        self.withSession(slot, now: now) { session, context, _, actions in
            drop = session.receive(inner, path: path, context: context, actions: &actions)
        }
        if let drop { self.drops.count(drop) }
    }

    /// Takes in what the TLS object of a session's key id produced. Without effect when the session is gone.
    public mutating func tlsProgress(
        slot: Int, handle: SessionHandle, keyID: KeyID, _ output: TLSOutput, now: Moment
    ) {
        guard self.byHandle[handle] == slot else { return }
        self.withSession(slot, now: now) { session, context, random, actions in
            session.tlsProgress(keyID, output, context: context, random: &random, actions: &actions)
        }
    }

    /// Takes in the answer to a session's `.authorize`.
    ///
    /// - Returns: False where nobody waits for it any more: then what an admission reserved is free again.
    public mutating func decide(
        _ handle: SessionHandle, _ ticket: LoginTicket, _ decision: LoginDecision, now: Moment
    ) -> Bool {
        guard let slot = self.byHandle[handle] else { return false }
        var isTaken = false
        self.withSession(slot, now: now) { session, context, _, actions in
            isTaken = session.decide(ticket, decision, context: context, actions: &actions)
        }
        return isTaken
    }

    /// Ends one session; without effect when it is gone.
    public mutating func end(_ handle: SessionHandle, _ ending: SessionEnding, now: Moment) {
        guard let slot = self.byHandle[handle] else { return }
        self.withSession(slot, now: now) { session, context, _, actions in
            session.end(ending, context: context, actions: &actions)
        }
    }

    /// Ends every session, telling each client.
    public mutating func endAll(_ ending: SessionEnding, now: Moment) {
        for handle in self.byHandle.keys.sorted(by: { $0.rawValue < $1.rawValue }) {
            self.end(handle, ending, now: now)
        }
    }

    /// The client said goodbye in the data channel.
    public mutating func leave(slot: Int, now: Moment) {
        self.withSession(slot, now: now) { session, context, _, actions in
            session.leave(context: context, actions: &actions)
        }
    }

    /// Makes a session begin a renegotiation now.
    public mutating func renegotiate(_ handle: SessionHandle, now: Moment) {
        guard let slot = self.byHandle[handle] else { return }
        self.withSession(slot, now: now) { session, context, _, actions in
            session.renegotiate(context: context, actions: &actions)
        }
    }

    // MARK: Time

    /// When `tick` has something to do, if ever.
    public mutating func nextDeadline() -> Instant? {
        self.timers.next()
    }

    /// Does what has fallen due.
    public mutating func tick(now: Moment) {
        self.halfOpen.expire(now: now.instant)
        while let slot = self.timers.popDue(now: now.instant) {
            self.withSession(slot, now: now) { session, context, _, actions in
                session.tick(context: context, actions: &actions)
            }
            // At once, so that what was due is no longer: the loop must end.
            self.flush(slot, now: now)
        }
    }

    // MARK: Output

    /// Hands over what has gathered.
    public mutating func takeOutputs() -> [EndpointOutput] {
        defer { self.outputs.removeAll(keepingCapacity: true) }
        return self.outputs
    }

    /// Puts out the control packets of every session that something happened to.
    public mutating func flush(now: Moment) {
        for slot in self.unflushed.sorted() { self.flush(slot, now: now) }
    }

    private mutating func flush(_ slot: Int, now: Moment) {
        self.withSession(slot, now: now) { session, context, _, actions in
            session.flush(context: context, actions: &actions)
        }
        self.unflushed.remove(slot)
        guard let session = self.sessions[slot] else { return self.timers.schedule(slot, at: nil) }
        // Never in the past: a deadline that stays due must not keep the driver busy.
        let floor = now.instant.advanced(by: .milliseconds(1))
        self.timers.schedule(slot, at: session.nextDeadline(settings: self.settings).map { max($0, floor) })
    }

    /// Lets something happen to one session, and does to the tables what follows from it.
    mutating func withSession(
        _ slot: Int, now: Moment,
        _ body: (inout ServerSession, SessionContext, inout Random, inout [SessionAction]) -> Void
    ) {
        guard slot < self.sessions.count, self.sessions[slot] != nil else { return }
        var actions: [SessionAction] = []
        let context = self.context(now)
        // Invariant: the guard has seen it, and nothing in between touches the table.
        body(&self.sessions[slot]!, context, &self.random, &actions)
        self.unflushed.insert(slot)
        guard let handle = self.sessions[slot]?.handle else { return }
        for action in actions {
            switch action {
            case .send(let packet):
                if let path = self.sessions[slot]?.path { self.outputs.append(.send(packet, path)) }
                continue
            case .live:
                self.connecting.remove(slot)
                if let session = self.sessions[slot], session.data.peerID == nil { self.byPath[session.path] = slot }
            case .ended:
                self.connecting.remove(slot)
                if let path = self.sessions[slot]?.path, self.byPath[path] == slot { self.byPath[path] = nil }
            case .tls, .authorize, .dataKeysChanged, .ping:
                break
            }
            self.outputs.append(.session(slot: slot, handle, action))
        }
        if self.sessions[slot]?.isEnded == true { self.remove(slot) }
    }

    // MARK: Slots

    /// Gives a new session a slot and a handle, or nil where there are as many as there may be.
    mutating func add(_ make: (SessionHandle, PeerID) -> ServerSession) -> Int? {
        guard self.byHandle.count < self.limits.maximumSessions else { return nil }
        let slot = self.freeSlots.take() ?? self.sessions.count
        guard let peerID = PeerID(rawValue: UInt32(truncatingIfNeeded: slot)) else { return nil }
        self.lastHandle += 1
        let session = make(SessionHandle(rawValue: self.lastHandle), peerID)
        self.place(session, in: slot)
        return slot
    }

    mutating func nextHandle() -> SessionHandle {
        self.lastHandle += 1
        return SessionHandle(rawValue: self.lastHandle)
    }

    mutating func place(_ session: ServerSession, in slot: Int) {
        while self.sessions.count <= slot { self.sessions.append(nil) }
        self.sessions[slot] = session
        self.bySession[session.clientSession] = slot
        self.byHandle[session.handle] = slot
    }

    private mutating func remove(_ slot: Int) {
        guard let session = self.sessions[slot] else { return }
        self.bySession[session.clientSession] = nil
        self.byHandle[session.handle] = nil
        self.connecting.remove(slot)
        self.unflushed.remove(slot)
        self.timers.schedule(slot, at: nil)
        self.sessions[slot] = nil
        self.freeSlots.give(slot)
    }
}

/// Slots that were freed, longest free first: a late packet for the old holder meets nobody for as long as possible.
struct SlotQueue: Sendable {
    private var slots: [Int] = []
    private var head = 0

    mutating func give(_ slot: Int) {
        self.slots.append(slot)
    }

    mutating func take() -> Int? {
        guard self.head < self.slots.count else { return nil }
        defer {
            self.head += 1
            if self.head > 64, self.head * 2 > self.slots.count {
                self.slots.removeFirst(self.head)
                self.head = 0
            }
        }
        return self.slots[self.head]
    }

    /// Takes out one particular slot.
    mutating func remove(_ slot: Int) {
        self.slots.removeSubrange(..<self.head)
        self.head = 0
        self.slots.removeAll { $0 == slot }
    }
}
