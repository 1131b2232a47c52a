import VPNFormats

/// The server's side of one client's session, from the packet that proved its address to its last words.
///
/// Owns no socket, clock, TLS object or lock: it takes in packets, TLS output, decisions and the time, and asks its
/// driver for everything else through ``SessionAction``s. Methods come in four kinds: `receive`, `tlsProgress`,
/// `decide` and `received` bring something in; `end` and `leave` are commands; `tick` is the clock; `flush` puts out
/// what is due and is called once after any of the others. Its whole state can be written out and read in again;
/// TLS objects stay with the driver, by key id.
public struct ServerSession: Sendable {
    enum Phase: Sendable, Equatable {
        /// Key id 0 is being agreed on.
        case connecting
        /// Admitted; the client has not asked for its configuration yet.
        case admitted
        /// The configuration was sent: data flows.
        case live
        /// Over; last words are on their way until then.
        case ending(until: Instant)
        /// Nothing is left to do.
        case ended
    }

    /// A refusal that the client is told of a little later.
    struct DelayedRefusal: Sendable, Equatable {
        let refusal: Refusal
        let at: Instant
    }

    /// Names the session within its process.
    public internal(set) var handle: SessionHandle
    /// Slot of the session in its endpoint, and the peer id that its data packets carry.
    public let peerID: PeerID

    /// Where the client is at present.
    public private(set) var path: NetworkPath
    /// The data keys; the driver takes packet ids from them.
    public var data: DataChannel

    var control: ControlChannel
    /// The wrapping key belongs to this client's profile alone.
    let wrapIsPersonal: Bool
    var phase: Phase = .connecting
    /// In the order in which they were begun.
    var exchanges: [KeyExchange] = []
    /// Exchanges begun so far.
    var exchangeCount: UInt32 = 0
    let createdAt: Instant

    /// What the client says of itself; known from its first key method message on.
    public internal(set) var peerInfo = PeerInfo()
    /// Set when the client was admitted.
    public internal(set) var grant: Grant?
    /// The data cipher; set when the client was read.
    public internal(set) var cipher: DataCipher?
    /// Such as "TLSv1.3"; set when TLS stood.
    public internal(set) var tlsVersion: String?

    /// Configuration that waits for the client's request.
    var pendingPush: [String] = []
    /// The client has asked for its configuration, or has said that it need not ask.
    var isPushRequested = false
    var usesExportedKeys = false
    /// The login was turned down; the client is yet to be told.
    var delayedRefusal: DelayedRefusal?
    /// No renegotiation of ours begins before.
    var renegotiateNotBefore: Instant

    /// - Parameters:
    ///   - control: With the packet ids of the stateless part taken into account.
    ///   - wrapIsPersonal: The key that wraps is one client's alone, as with tls-crypt-v2.
    init(
        handle: SessionHandle, peerID: PeerID, path: NetworkPath, control: ControlChannel, wrapIsPersonal: Bool,
        now: Instant
    ) {
        self.handle = handle
        self.peerID = peerID
        self.path = path
        self.control = control
        self.wrapIsPersonal = wrapIsPersonal
        self.createdAt = now
        self.data = DataChannel(peerID: nil, now: now)
        self.renegotiateNotBefore = now
    }

    /// True while data may flow.
    public var isLive: Bool { self.phase == .live }
    /// True when nothing is left to do: the session may be forgotten.
    public var isEnded: Bool { self.phase == .ended }
    /// True until the client has been admitted: such sessions have a limit of their own.
    public var isConnecting: Bool { self.phase == .connecting }

    var isOver: Bool {
        switch self.phase {
        case .ending, .ended: true
        case .connecting, .admitted, .live: false
        }
    }

    /// Over, and nothing waits to be acknowledged.
    var isQuiet: Bool { self.isOver && self.control.isDrained }

    /// The identifier that the client chose for itself, and that its control packets carry.
    public var clientSession: SessionID { self.control.remoteSession }

    func exchangeIndex(_ id: KeyID) -> Int? {
        self.exchanges.firstIndex { $0.id == id }
    }

    /// The exchange that is not finished, if there is one. At most one is.
    var pendingIndex: Int? {
        self.exchanges.firstIndex { !$0.isKeyed }
    }

    /// The last key that was agreed on.
    var newestKeyedIndex: Int? {
        self.exchanges.lastIndex { $0.isKeyed }
    }

    // MARK: Data packets

    /// Takes note of an authentic data packet, and of where it came from.
    ///
    /// - Parameters:
    ///   - keyIndex: Position of its key in `data.keys`.
    ///   - bytes: Length of the plaintext.
    /// - Returns: False for a replay, and in a session that is not live: the packet is to be dropped.
    public mutating func received(
        packetID: UInt32, keyIndex: Int, bytes: Int, path: NetworkPath, settings: ServerSettings, now: Instant
    ) -> Bool {
        guard self.phase == .live else { return false }
        let isNewest = self.data.isNewest(packetID, keyIndex: keyIndex)
        guard self.data.accept(packetID, keyIndex: keyIndex, bytes: bytes, now: now) else { return false }
        // A packet that was overtaken on the way tells where the client was, not where it is.
        if isNewest, self.path != path { self.path = path }
        let id = self.data.keys[keyIndex].id
        if let index = self.exchangeIndex(id), !self.exchanges[index].isHeardFrom {
            self.exchanges[index].isHeardFrom = true
            self.heardFirst(from: id, settings: settings, now: now)
        }
        return true
    }

    /// The client encrypts with this key for the first time: it has it, so it may be used to send; keys before it are
    /// on their way out.
    private mutating func heardFirst(from id: KeyID, settings: ServerSettings, now: Instant) {
        guard let index = self.data.index(of: id), let sending = self.data.sendingIndex, index >= sending else {
            return
        }
        self.data.promote(id)
        self.retireKeys(before: id, at: now.advanced(by: settings.handshakeWindow))
    }

    /// Keys that are older than this one are forgotten at `instant`, or earlier where that was decided already.
    mutating func retireKeys(before id: KeyID, at instant: Instant) {
        guard let index = self.exchangeIndex(id) else { return }
        for older in self.exchanges[..<index].indices where self.exchanges[older].isKeyed {
            self.exchanges[older].retireAt = min(self.exchanges[older].retireAt ?? instant, instant)
        }
    }
}
