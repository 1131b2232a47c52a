import VPNFormats
import VPNProtocol

/// The server's driver in virtual time.
extension SimulatedPair {
    func serverReceives(_ packet: [UInt8]) {
        guard let first = packet.first, let header = PacketHeader(firstByte: first) else { return }
        guard header.opcode.isData else {
            return self.server.receive(packet, path: self.path, now: self.moment)
        }
        guard let data = DataFrame(parsing: packet),
            let slot = data.header.layout == .v2
                ? self.server.slot(peerID: data.header.peerID) : self.server.slot(path: self.path),
            let channel = self.server.sessions[slot]?.data, let index = channel.index(of: data.header.keyID),
            data.fingerprint == channel.keys[index].keys.opening.fingerprint
        else { return }
        let isFresh = self.server.receivedData(
            slot: slot, packetID: data.header.packetID, keyIndex: index, bytes: 16, path: self.path, now: self.now)
        guard isFresh, data.number != 0 else { return }
        self.outcome.serverPayloads += 1
        if !self.ledger.serverReceived.insert(data.number).inserted { self.fail("the server took a payload twice") }
    }

    func decide(_ handle: SessionHandle, _ ticket: LoginTicket) {
        let grant = Grant(
            name: "user", ipv4: IPv4Address("10.99.0.2"), ipv6: nil, authToken: "SESS_ID_AT_x",
            keepalive: Keepalive(serverTimeout: .seconds(120)))
        _ = self.server.decide(handle, ticket, .admit(grant), now: self.moment)
    }

    /// Works off what sessions ask for, and sees to the next deadline.
    func settleServer() {
        self.workOffServer()
        self.server.flush(now: self.moment)
        self.workOffServer()
        self.recode()
        if let deadline = self.server.nextDeadline(), deadline < self.serverWakeAt ?? Instant(nanoseconds: .max) {
            self.serverWakeAt = deadline
            self.agenda.add(.wakeServer, at: deadline)
        }
    }

    private func recode() {
        guard self.scenario.recodesSessions else { return }
        do { try self.server.recodeSessions() } catch { self.fail("a session does not read in again: \(error)") }
    }

    private func workOffServer() {
        while case let outputs = self.server.takeOutputs(), !outputs.isEmpty {
            for output in outputs {
                switch output {
                case .send(let packet, _): self.send(packet, to: Event.toClient)
                case .session(let slot, let handle, let action):
                    self.perform(action, slot: slot, handle: handle)
                    self.recode()
                }
            }
        }
    }

    private func perform(_ action: SessionAction, slot: Int, handle: SessionHandle) {
        switch action {
        case .tls(let keyID, .open):
            self.serverTLS[handle, default: [:]][keyID] = ScriptedTLS(role: .server, random: &self.random)
        case .tls(let keyID, .close):
            self.serverTLS[handle]?[keyID] = nil
        case .tls(let keyID, let command):
            guard let output = self.serverTLS[handle]?[keyID]?.perform(command, random: &self.random) else { return }
            self.server.tlsProgress(slot: slot, handle: handle, keyID: keyID, output, now: self.moment)
        case .authorize(let ticket, _):
            let range = self.scenario.decisionDelay
            let delay = range.upperBound * Double.random(in: 0...1, using: &self.random)
            self.agenda.add(.decide(handle, ticket), at: self.now.advanced(by: delay))
        case .ping:
            self.serverSends(number: 0, slot: slot)
        case .send, .dataKeysChanged:
            break
        case .live:
            self.wasLive.insert(handle)
        case .ended(let reason):
            // Handshakes that do not finish are the price of lost packets; a live session must not end.
            if self.wasLive.contains(handle) { self.fail("the server ended the session: \(reason)") }
        }
    }

    func serverSends(number: UInt64, slot: Int) {
        guard let taken = self.server.takeDataSlot(slot: slot, bytes: 16, now: self.now),
            let channel = self.server.sessions[slot]?.data, let index = channel.index(of: taken.keyID)
        else { return }
        let fingerprint = channel.keys[index].keys.sealing.fingerprint
        if !self.ledger.use(key: fingerprint, packetID: taken.packetID) { self.fail("the server used a nonce twice") }
        if number != 0 { self.ledger.serverSent[number] = self.now }
        self.send(
            DataFrame.bytes(
                taken, peerID: channel.peerID, fingerprint: fingerprint, number: number), to: Event.toClient)
    }

    func send(_ packet: [UInt8], to event: ([UInt8]) -> Event) {
        for arrival in self.scenario.link.arrivals(at: self.now, using: &self.random) {
            self.agenda.add(event(packet), at: arrival)
        }
    }
}

/// A data packet that anyone can read: the real header, then which key it would be sealed with and a number.
struct DataFrame {
    let header: DataPacketHeader
    let fingerprint: UInt64
    let number: UInt64

    init?(parsing packet: [UInt8]) {
        guard let header = packet.withUnsafeBytes({ DataPacketHeader($0) }) else { return nil }
        let words = packet.dropFirst(header.layout.payloadOffset)
        guard words.count == 16 else { return nil }
        self.header = header
        self.fingerprint = words.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        self.number = words.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    static func bytes(
        _ slot: DataChannel.Slot, peerID: PeerID?, fingerprint: UInt64, number: UInt64
    ) -> [UInt8] {
        let layout: DataPacketLayout = peerID == nil ? .v1 : .v2
        var packet = [UInt8](repeating: 0, count: layout.payloadOffset)
        packet.withUnsafeMutableBytes {
            layout.writeHeader(
                into: $0, keyID: slot.keyID, peerID: peerID ?? .undefined, packetID: slot.packetID)
        }
        for word in [fingerprint, number] {
            packet += (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
        }
        return packet
    }
}

extension DataKey {
    /// Tells keys apart; FNV-1a over the key.
    var fingerprint: UInt64 {
        self.key.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
