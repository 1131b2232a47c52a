import VPNFormats

/// One data key with its counters: what encrypts to and decrypts from the peer while it is in use.
public struct InstalledKey: Sendable {
    /// Packet ids from here on are a reason to renegotiate; beyond `lastPacketID` nothing is sent.
    static let renegotiatePacketID: UInt64 = 0xFF00_0000
    static let lastPacketID: UInt64 = 0xFFFF_FFFF
    /// AES-GCM: blocks and packets under one key, after which to renegotiate, and to stop (2^36 less one).
    static let renegotiateBlocks: UInt64 = (1 << 36) / 8 * 7
    static let lastBlock: UInt64 = (1 << 36) - 1
    /// Packets that a new process may not know its predecessor to have sent.
    static let packetIDLease: UInt64 = 1 << 20

    /// The key id that its packets name.
    public let id: KeyID
    /// Cipher, keys and implicit IVs of both directions.
    public let keys: DataKeys
    /// When it was agreed on.
    public let installedAt: Instant

    /// The id of the next packet to send, from 1.
    public internal(set) var nextPacketID: UInt64
    /// Which packets of the peer were seen.
    public internal(set) var replay: ReplayWindow
    var sentBlocks: UInt64
    var receivedBlocks: UInt64

    init(id: KeyID, keys: DataKeys, now: Instant) {
        self.id = id
        self.keys = keys
        self.installedAt = now
        self.nextPacketID = 1
        self.replay = ReplayWindow()
        self.sentBlocks = 0
        self.receivedBlocks = 0
    }

    private var hasBlockLimit: Bool {
        switch self.keys.cipher {
        case .aes256GCM, .aes128GCM: true
        case .chaCha20Poly1305: false
        }
    }

    var isWorn: Bool {
        self.nextPacketID >= Self.renegotiatePacketID
            || (self.hasBlockLimit
                && max(self.sentBlocks, self.receivedBlocks) >= Self.renegotiateBlocks)
    }

    var isSpent: Bool {
        self.nextPacketID > Self.lastPacketID || (self.hasBlockLimit && self.sentBlocks >= Self.lastBlock)
    }
}

/// A session's data keys: the one that sends, its predecessor and its successor, and what they have carried.
///
/// New keys are accepted from the peer before they are used to send (make before break).
public struct DataChannel: Sendable {
    /// At most three keys at a time: the predecessor, the one in use, the successor.
    public private(set) var keys: [InstalledKey] = []
    /// Position in `keys` of the key that sends.
    public private(set) var sendingIndex: Int?
    /// Nil where the peer does not know peer ids: then packets are of version 1.
    public let peerID: PeerID?

    /// When a packet was last sent.
    public internal(set) var lastSent: Instant
    /// When an authentic packet last came.
    public internal(set) var lastReceived: Instant
    /// Payload bytes from and to the peer, as the driver counts them.
    public internal(set) var bytesIn: UInt64 = 0
    /// Payload bytes to the peer, as the driver counts them.
    public internal(set) var bytesOut: UInt64 = 0

    init(peerID: PeerID?, now: Instant) {
        self.peerID = peerID
        self.lastSent = now
        self.lastReceived = now
    }

    /// The key id that sends at present.
    public var sendingKey: KeyID? { self.sendingIndex.map { self.keys[$0].id } }

    /// Position of a key by its id.
    public func index(of id: KeyID) -> Int? {
        self.keys.firstIndex { $0.id == id }
    }

    // MARK: Packets

    /// What the driver needs to seal one packet.
    public struct Slot: Sendable {
        /// The key to seal with.
        public let keyID: KeyID
        /// The packet id to seal with: used for this packet alone.
        public let packetID: UInt32
    }

    /// Takes the next packet id for a payload of `bytes`. Nil where there is no key, or the key is spent: then the
    /// packet must not be sent. An id is never handed out twice.
    public mutating func takeSlot(bytes: Int, now: Instant) -> Slot? {
        guard let index = self.sendingIndex, !self.keys[index].isSpent else { return nil }
        let packetID = self.keys[index].nextPacketID
        self.keys[index].nextPacketID = packetID + 1
        self.keys[index].sentBlocks &+= UInt64((bytes + 15) / 16 + 1)
        self.lastSent = now
        return Slot(keyID: self.keys[index].id, packetID: UInt32(truncatingIfNeeded: packetID))
    }

    /// True where a packet of this id may still be accepted. To be asked before decrypting; ``accept`` decides.
    public func mayAccept(_ packetID: UInt32, keyIndex: Int) -> Bool {
        self.keys[keyIndex].replay.isFresh(packetID)
    }

    /// True where no packet with a higher id has come under this key, nor any under a later one.
    func isNewest(_ packetID: UInt32, keyIndex: Int) -> Bool {
        packetID > self.keys[keyIndex].replay.highest
            && self.keys[(keyIndex + 1)...].allSatisfy { $0.replay.highest == 0 }
    }

    /// Takes note of a packet that was decrypted and is authentic.
    /// - Returns: False for a replay: the packet is to be dropped.
    public mutating func accept(_ packetID: UInt32, keyIndex: Int, bytes: Int, now: Instant) -> Bool {
        guard self.keys[keyIndex].replay.accept(packetID) else { return false }
        self.keys[keyIndex].receivedBlocks &+= UInt64((bytes + 15) / 16 + 1)
        self.lastReceived = now
        return true
    }

    // MARK: Keys

    /// Adds a key that is accepted from now on. The first one sends at once.
    mutating func install(_ key: InstalledKey) {
        self.remove(key.id)
        self.keys.append(key)
        if self.sendingIndex == nil { self.sendingIndex = self.keys.count - 1 }
        while self.keys.count > 3, let oldest = self.keys.firstIndex(where: { $0.id != self.sendingKey }) {
            self.remove(self.keys[oldest].id)
        }
    }

    /// Sends with this key from now on.
    mutating func promote(_ id: KeyID) {
        if let index = self.index(of: id) { self.sendingIndex = index }
    }

    mutating func remove(_ id: KeyID) {
        guard let index = self.index(of: id) else { return }
        let sending = self.sendingKey
        self.keys.remove(at: index)
        self.sendingIndex = sending == id ? nil : sending.flatMap { self.index(of: $0) }
    }

    mutating func removeAll() {
        self.keys.removeAll()
        self.sendingIndex = nil
    }

    /// After a move to another process: no packet id is used that the old process may have used.
    mutating func skipPacketIDs() {
        for index in self.keys.indices {
            self.keys[index].nextPacketID = min(
                self.keys[index].nextPacketID + InstalledKey.packetIDLease, InstalledKey.lastPacketID + 1)
        }
    }
}

// MARK: - Written out and read in

extension DataChannel: StateCodable {
    /// Writes every key and counter: secrets.
    public func encode(into writer: inout StateWriter) {
        writer.write(optional: self.peerID)
        writer.write(optional: self.sendingIndex.map { UInt8(truncatingIfNeeded: $0) })
        writer.write(self.lastSent)
        writer.write(self.lastReceived)
        writer.write(self.bytesIn)
        writer.write(self.bytesOut)
        writer.write(array: self.keys)
    }

    /// Reads what ``encode(into:)`` wrote.
    public init(from reader: inout StateReader) throws(StateError) {
        self.peerID = try reader.readOptional(PeerID.self)
        let sendingIndex = try reader.readOptional(UInt8.self).map(Int.init)
        self.lastSent = try reader.read(Instant.self)
        self.lastReceived = try reader.read(Instant.self)
        self.bytesIn = try reader.read(UInt64.self)
        self.bytesOut = try reader.read(UInt64.self)
        self.keys = try reader.readArray(of: InstalledKey.self, maximum: 3)
        if let sendingIndex, sendingIndex >= self.keys.count { throw .invalidValue }
        guard Set(self.keys.map(\.id)).count == self.keys.count else { throw .invalidValue }
        self.sendingIndex = sendingIndex
    }
}

extension InstalledKey: StateCodable {
    /// Writes every key and counter: secrets.
    public func encode(into writer: inout StateWriter) {
        writer.write(self.id)
        writer.write(self.keys)
        writer.write(self.installedAt)
        writer.write(self.nextPacketID)
        writer.write(self.replay)
        writer.write(self.sentBlocks)
        writer.write(self.receivedBlocks)
    }

    /// Reads what ``encode(into:)`` wrote.
    public init(from reader: inout StateReader) throws(StateError) {
        self.id = try reader.read(KeyID.self)
        self.keys = try reader.read(DataKeys.self)
        self.installedAt = try reader.read(Instant.self)
        self.nextPacketID = try reader.read(UInt64.self)
        guard (1...InstalledKey.lastPacketID + 1).contains(self.nextPacketID) else { throw .invalidValue }
        self.replay = try reader.read(ReplayWindow.self)
        self.sentBlocks = try reader.read(UInt64.self)
        self.receivedBlocks = try reader.read(UInt64.self)
    }
}
