import VPNFormats

/// One session's control channel beneath TLS: wrapping, replay protection, and a reliable stream for each key id.
/// Knows nothing of what the streams carry, nor of roles beyond which half of the wrapping key is whose.
struct ControlChannel: Sendable {
    /// One wrapping key with its counters. Counters belong to the session, not to a key id.
    struct Wrapping: Sendable {
        var wrap: ControlWrap
        var sequence: LongPacketIDSequence
        var replay = ControlReplayWindow()

        /// Goes on beyond whatever was sent after this was written down.
        mutating func skipPacketIDs(now: Moment) {
            let (later, overflow) = self.sequence.last.time.addingReportingOverflow(1)
            self.sequence = LongPacketIDSequence(time: max(now.wireSeconds, overflow ? .max : later))
        }
    }

    /// The stream of one key id.
    struct KeyStream: Sendable {
        let keyID: KeyID
        var stream: ReliableStream
    }

    /// A packet whose wrapping was proven and which is no replay.
    struct Opened: Sendable {
        let opcode: Opcode
        let keyID: KeyID
        let body: ControlBody
    }

    /// Why a packet was dropped.
    enum Rejection: Error {
        case malformed, wrapping, replayed, foreignSession
    }

    let localSession: SessionID
    let remoteSession: SessionID
    private(set) var original: Wrapping
    private(set) var dynamic: Wrapping?
    private(set) var streams: [KeyStream] = []
    /// A client's wrapped key, to be appended to its first message after the reset. Never set at a server.
    var appendedKey: [UInt8]?

    /// - Parameters:
    ///   - wrap: The key of the static wrap, or the client's own one.
    ///   - sequence: Goes on after the packet ids that were already used under that key in this session.
    init(
        localSession: SessionID, remoteSession: SessionID, wrap: ControlWrap, sequence: LongPacketIDSequence
    ) {
        self.localSession = localSession
        self.remoteSession = remoteSession
        self.original = Wrapping(wrap: wrap, sequence: sequence)
    }

    // MARK: Streams

    mutating func open(_ keyID: KeyID, stream: ReliableStream) {
        self.close(keyID)
        self.streams.append(KeyStream(keyID: keyID, stream: stream))
    }

    mutating func close(_ keyID: KeyID) {
        self.streams.removeAll { $0.keyID == keyID }
    }

    func hasStream(_ keyID: KeyID) -> Bool {
        self.streams.contains { $0.keyID == keyID }
    }

    /// Changes one stream in place; nil where there is none of that id.
    mutating func withStream<Result>(_ keyID: KeyID, _ body: (inout ReliableStream) -> Result) -> Result? {
        guard let index = self.streams.firstIndex(where: { $0.keyID == keyID }) else { return nil }
        return body(&self.streams[index].stream)
    }

    // MARK: Wrapping

    /// Wraps packets of key ids above 0 in a key of the session's own from now on (dynamic tls-crypt).
    mutating func adoptDynamic(_ wrap: ControlWrap, now: Moment) {
        self.dynamic = Wrapping(wrap: wrap, sequence: LongPacketIDSequence(time: now.wireSeconds))
    }

    /// Unwraps one packet, and takes note of its packet id.
    ///
    /// Key id 0 may arrive under either key once there are two: OpenVPN 3 switches its only wrap at the first
    /// renegotiation, late packets of key id 0 included.
    mutating func open(
        _ packet: [UInt8], crypto: any FormatCryptography
    ) -> Result<Opened, Rejection> {
        guard let header = packet.first.flatMap(PacketHeader.init(firstByte:)) else { return .failure(.malformed) }
        var rejection = Rejection.wrapping
        if header.keyID == .initial || self.dynamic == nil {
            switch Self.unwrap(packet, with: &self.original, crypto: crypto) {
            case .success(let found): return self.parse(found, header: header)
            case .failure(let failure): rejection = failure
            }
        }
        if rejection == .wrapping, self.dynamic != nil {
            // Invariant: the condition has just seen it.
            switch Self.unwrap(packet, with: &self.dynamic!, crypto: crypto) {
            case .success(let found): return self.parse(found, header: header)
            case .failure(let failure): rejection = failure
            }
        }
        return .failure(rejection)
    }

    private static func unwrap(
        _ packet: [UInt8], with wrapping: inout Wrapping, crypto: any FormatCryptography
    ) -> Result<(session: SessionID, body: [UInt8]), Rejection> {
        guard let opened = wrapping.wrap.open(packet, crypto: crypto) else { return .failure(.wrapping) }
        guard wrapping.replay.accept(opened.packetID) else { return .failure(.replayed) }
        return .success((opened.session, opened.body))
    }

    private func parse(
        _ found: (session: SessionID, body: [UInt8]), header: PacketHeader
    ) -> Result<Opened, Rejection> {
        guard found.session == self.remoteSession else { return .failure(.foreignSession) }
        guard let body = ControlBody(opcode: header.opcode, bytes: found.body) else { return .failure(.malformed) }
        guard body.acknowledgements.isEmpty || body.remoteSession == self.localSession else {
            return .failure(.foreignSession)
        }
        return .success(Opened(opcode: header.opcode, keyID: header.keyID, body: body))
    }

    /// Puts out every packet that is due, wrapped.
    mutating func transmit(
        now: Moment, firstTimeout: Duration, crypto: any FormatCryptography, emit: ([UInt8]) -> Void
    ) {
        for index in self.streams.indices {
            let keyID = self.streams[index].keyID
            var bodies: [(Opcode, ControlBody)] = []
            self.streams[index].stream.transmit(now: now.instant, firstTimeout: firstTimeout) { opcode, acks, message in
                bodies.append(
                    (
                        opcode,
                        message.map {
                            ControlBody(
                                messageID: $0.0, acknowledging: acks, remoteSession: self.remoteSession, payload: $0.1)
                        } ?? ControlBody(acknowledging: acks, remoteSession: self.remoteSession)
                    ))
            }
            for (opcode, body) in bodies {
                if let packet = self.seal(opcode, keyID: keyID, body: body, now: now, crypto: crypto) { emit(packet) }
            }
        }
    }

    private mutating func seal(
        _ opcode: Opcode, keyID: KeyID, body: ControlBody, now: Moment, crypto: any FormatCryptography
    ) -> [UInt8]? {
        if let key = self.appendedKey, keyID == .initial, opcode == .control, body.messageID == 1 {
            let header = PacketHeader(.controlWithWrappedKey, keyID)
            return self.original.seal(header, session: self.localSession, body: body, now: now, crypto: crypto)
                .map { $0 + key }
        }
        let header = PacketHeader(opcode, keyID)
        if keyID != .initial, self.dynamic != nil {
            // Invariant: the condition has just seen it.
            return self.dynamic!.seal(header, session: self.localSession, body: body, now: now, crypto: crypto)
        }
        return self.original.seal(header, session: self.localSession, body: body, now: now, crypto: crypto)
    }

    /// True once everything that was queued under this key id has been acknowledged.
    func isDrained(_ keyID: KeyID) -> Bool {
        self.streams.first { $0.keyID == keyID }?.stream.isDrained ?? true
    }

    /// True once everything that was queued has been acknowledged.
    var isDrained: Bool { self.streams.allSatisfy(\.stream.isDrained) }

    /// When a stream must send something again.
    var nextDeadline: Instant? {
        self.streams.lazy.compactMap(\.stream.nextDeadline).min()
    }

    /// After a move to another process nobody knows the last packet id that the old one used: go on beyond it.
    mutating func skipPacketIDs(now: Moment) {
        self.original.skipPacketIDs(now: now)
        self.dynamic?.skipPacketIDs(now: now)
    }
}

extension ControlChannel.Wrapping {
    /// Nil where the packet ids of this second are used up: the packet is sent again later.
    mutating func seal(
        _ header: PacketHeader, session: SessionID, body: ControlBody, now: Moment, crypto: any FormatCryptography
    ) -> [UInt8]? {
        guard let packetID = self.sequence.next(now: now.wireSeconds) else { return nil }
        return self.wrap.seal(header: header, session: session, packetID: packetID, body: body.bytes, crypto: crypto)
    }
}

// MARK: - Written out and read in

extension ControlChannel: StateCodable {
    func encode(into writer: inout StateWriter) {
        writer.write(self.localSession)
        writer.write(self.remoteSession)
        writer.write(self.original)
        writer.write(optional: self.dynamic)
        writer.write(array: self.streams)
    }

    init(from reader: inout StateReader) throws(StateError) {
        self.localSession = try reader.read(SessionID.self)
        self.remoteSession = try reader.read(SessionID.self)
        self.original = try reader.read(Wrapping.self)
        self.dynamic = try reader.readOptional(Wrapping.self)
        self.streams = try reader.readArray(of: KeyStream.self, maximum: 8)
    }
}

extension ControlChannel.Wrapping: StateCodable {
    func encode(into writer: inout StateWriter) {
        writer.write(self.wrap)
        writer.write(self.sequence)
        writer.write(self.replay)
    }

    init(from reader: inout StateReader) throws(StateError) {
        self.wrap = try reader.read(ControlWrap.self)
        self.sequence = try reader.read(LongPacketIDSequence.self)
        self.replay = try reader.read(ControlReplayWindow.self)
    }
}

extension ControlChannel.KeyStream: StateCodable {
    func encode(into writer: inout StateWriter) {
        writer.write(self.keyID)
        writer.write(self.stream)
    }

    init(from reader: inout StateReader) throws(StateError) {
        self.keyID = try reader.read(KeyID.self)
        self.stream = try reader.read(ReliableStream.self)
    }
}
