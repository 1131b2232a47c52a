/// The reliability layer of one key id: turns a byte stream into numbered packets and back.
///
/// Message ids count from 0 in each direction of each key id. Acknowledgements name single ids and are never
/// cumulative (OpenVPN protocol, reliability layer).
struct ReliableStream: Sendable {
    /// How far the newest id that is on its way may be from the oldest one unacknowledged. Older clients keep no more
    /// than 8 ids beyond the one that they wait for.
    static let sendWindow: UInt32 = 6
    /// Ids beyond the next expected one that are kept until the gap closes.
    static let receiveWindow: UInt32 = 12
    /// Acknowledgements in a packet that carries a payload, and in one that carries nothing else.
    static let acknowledgementsInControl = 4
    static let acknowledgementsAlone = 8
    /// Bytes of TLS in one packet: with every header the datagram stays below 1,250 bytes.
    static let segmentBytes = 1_100
    /// TLS bytes that may wait to be sent. A peer that acknowledges nothing cannot make more pile up.
    static let backlogLimitBytes = 256 * 1_024

    /// A packet that was sent and not acknowledged yet, or is about to be sent.
    struct Outgoing: Sendable {
        let id: UInt32
        let opcode: Opcode
        let payload: [UInt8]
        var transmissions: UInt8
        var dueAt: Instant
        var laterAcknowledgements: UInt8
    }

    /// A packet that arrived before its turn, or waits to be taken.
    struct Early: Sendable {
        let id: UInt32
        let payload: [UInt8]
    }

    /// What became of an incoming message id.
    enum Acceptance: Equatable {
        /// New, and kept; it is acknowledged.
        case accepted
        /// Seen before; it is acknowledged again.
        case duplicate
        /// Beyond the window: dropped, not acknowledged.
        case outOfWindow
    }

    private(set) var outgoing: [Outgoing] = []
    private(set) var backlog: [UInt8] = []
    private(set) var nextSendID: UInt32
    private(set) var nextReceiveID: UInt32
    private var early: [Early] = []
    private var owed: [UInt32] = []
    private var recent: [UInt32] = []

    /// - Parameters:
    ///   - nextSendID: The id of the first packet to send: 1 where a stateless reply already used 0.
    ///   - nextReceiveID: The id that is expected next: 1 where a stateless reply already answered 0.
    init(nextSendID: UInt32 = 0, nextReceiveID: UInt32 = 0) {
        self.nextSendID = nextSendID
        self.nextReceiveID = nextReceiveID
    }

    // MARK: Receiving

    /// Takes in one packet's message id and payload.
    mutating func receive(id: UInt32, payload: [UInt8]) -> Acceptance {
        if id < self.nextReceiveID {
            self.owe(id)
            return .duplicate
        }
        guard id - self.nextReceiveID < Self.receiveWindow else { return .outOfWindow }
        self.owe(id)
        let position = self.early.firstIndex { $0.id >= id } ?? self.early.endIndex
        if position < self.early.endIndex, self.early[position].id == id { return .duplicate }
        self.early.insert(Early(id: id, payload: payload), at: position)
        return .accepted
    }

    /// The next payload in order, if it has arrived. May be empty (a reset carries none).
    mutating func nextInOrder() -> [UInt8]? {
        guard let first = self.early.first, first.id == self.nextReceiveID, first.id < .max else { return nil }
        self.nextReceiveID += 1
        self.early.removeFirst()
        return first.payload
    }

    private mutating func owe(_ id: UInt32) {
        if !self.owed.contains(id), self.owed.count < Int(Self.receiveWindow) * 2 { self.owed.append(id) }
    }

    // MARK: Sending

    /// Queues bytes; they go out in segments as the window allows.
    /// - Returns: False where the backlog is full, and nothing was queued.
    mutating func enqueue(_ bytes: [UInt8]) -> Bool {
        guard self.backlog.count + bytes.count <= Self.backlogLimitBytes else { return false }
        self.backlog.append(contentsOf: bytes)
        return true
    }

    /// Queues a reset: a packet of its own that carries no payload and takes one id.
    mutating func enqueueReset(_ opcode: Opcode, now: Instant) {
        self.append(opcode: opcode, payload: [], now: now)
    }

    private mutating func append(opcode: Opcode, payload: [UInt8], now: Instant) {
        self.outgoing.append(
            Outgoing(
                id: self.nextSendID, opcode: opcode, payload: payload, transmissions: 0, dueAt: now,
                laterAcknowledgements: 0))
        self.nextSendID &+= 1
    }

    /// Applies the peer's acknowledgements. Unknown ids are ignored.
    mutating func acknowledge(_ ids: [UInt32], now: Instant) {
        for id in ids {
            guard let position = self.outgoing.firstIndex(where: { $0.id == id && $0.transmissions > 0 }) else {
                continue
            }
            self.outgoing.remove(at: position)
            for index in self.outgoing.indices where self.outgoing[index].id < id {
                self.outgoing[index].laterAcknowledgements &+= 1
                // Three packets sent later have arrived: this one is lost. Once per packet.
                if self.outgoing[index].laterAcknowledgements == 3 { self.outgoing[index].dueAt = now }
            }
        }
    }

    /// True once everything that was queued has been acknowledged.
    var isDrained: Bool { self.outgoing.isEmpty && self.backlog.isEmpty }

    /// When something must be sent again, if ever.
    var nextDeadline: Instant? { self.outgoing.lazy.map(\.dueAt).min() }

    /// Puts out all that is due at `now`: new segments that fit the window, packets to send again, and
    /// acknowledgements that found no packet to travel with.
    mutating func transmit(
        now: Instant, firstTimeout: Duration,
        emit: (_ opcode: Opcode, _ acks: [UInt32], _ message: (UInt32, [UInt8])?) -> Void
    ) {
        while !self.backlog.isEmpty, self.hasRoomInWindow {
            let segment = Array(self.backlog.prefix(Self.segmentBytes))
            self.backlog.removeFirst(segment.count)
            self.append(opcode: .control, payload: segment, now: now)
        }
        for index in self.outgoing.indices where self.outgoing[index].dueAt <= now {
            let packet = self.outgoing[index]
            let acks = self.takeAcknowledgements(atMost: Self.acknowledgementsInControl)
            emit(packet.opcode, acks, (packet.id, packet.payload))
            // 2 s, 4 s, 8 s, … up to 32 s.
            let backoff = firstTimeout * (1 << min(Int(packet.transmissions), 4))
            self.outgoing[index].dueAt = now.advanced(by: backoff)
            self.outgoing[index].transmissions = packet.transmissions == .max ? .max : packet.transmissions + 1
        }
        while !self.owed.isEmpty {
            emit(.acknowledgement, self.takeAcknowledgements(atMost: Self.acknowledgementsAlone), nil)
        }
    }

    private var hasRoomInWindow: Bool {
        guard let oldest = self.outgoing.first else { return true }
        return self.nextSendID &- oldest.id < Self.sendWindow
    }

    /// Ids to acknowledge now: those owed first, then ids that were acknowledged lately, should that have got lost.
    private mutating func takeAcknowledgements(atMost limit: Int) -> [UInt32] {
        var ids = Array(self.owed.prefix(limit))
        self.owed.removeFirst(ids.count)
        for id in self.recent.prefix(limit) where ids.count < limit && !ids.contains(id) { ids.append(id) }
        self.recent = Array((ids + self.recent.filter { !ids.contains($0) }).prefix(Self.acknowledgementsAlone))
        return ids
    }
}

// MARK: - Written out and read in

extension ReliableStream: StateCodable {
    func encode(into writer: inout StateWriter) {
        writer.write(self.nextSendID)
        writer.write(self.nextReceiveID)
        writer.write(bytes: self.backlog)
        writer.write(array: self.outgoing)
        writer.write(array: self.early)
        writer.write(array: self.owed)
        writer.write(array: self.recent)
    }

    init(from reader: inout StateReader) throws(StateError) {
        self.nextSendID = try reader.read(UInt32.self)
        self.nextReceiveID = try reader.read(UInt32.self)
        self.backlog = try reader.readBytes(maximum: Self.backlogLimitBytes)
        self.outgoing = try reader.readArray(of: Outgoing.self, maximum: 64)
        self.early = try reader.readArray(of: Early.self, maximum: Int(Self.receiveWindow))
        self.owed = try reader.readArray(of: UInt32.self, maximum: 64)
        self.recent = try reader.readArray(of: UInt32.self, maximum: 64)
        guard self.isConsistent else { throw .invalidValue }
    }

    /// What holds whatever was sent and received.
    private var isConsistent: Bool {
        zip(self.outgoing, self.outgoing.dropFirst()).allSatisfy { $0.id < $1.id }
            && self.outgoing.allSatisfy { $0.id < self.nextSendID }
            && zip(self.early, self.early.dropFirst()).allSatisfy { $0.id < $1.id }
            && self.early.allSatisfy { $0.id >= self.nextReceiveID && $0.id - self.nextReceiveID < Self.receiveWindow }
    }
}

extension ReliableStream.Outgoing: StateCodable {
    func encode(into writer: inout StateWriter) {
        writer.write(self.id)
        writer.write(self.opcode.rawValue)
        writer.write(bytes: self.payload)
        writer.write(self.transmissions)
        writer.write(self.dueAt)
        writer.write(self.laterAcknowledgements)
    }

    init(from reader: inout StateReader) throws(StateError) {
        self.id = try reader.read(UInt32.self)
        guard let opcode = Opcode(rawValue: try reader.read(UInt8.self)) else { throw .invalidValue }
        self.opcode = opcode
        self.payload = try reader.readBytes(maximum: 2_048)
        self.transmissions = try reader.read(UInt8.self)
        self.dueAt = try reader.read(Instant.self)
        self.laterAcknowledgements = try reader.read(UInt8.self)
    }
}

extension ReliableStream.Early: StateCodable {
    func encode(into writer: inout StateWriter) {
        writer.write(self.id)
        writer.write(bytes: self.payload)
    }

    init(from reader: inout StateReader) throws(StateError) {
        self.id = try reader.read(UInt32.self)
        self.payload = try reader.readBytes(maximum: ControlWrap.maximumPacketBytes)
    }
}
