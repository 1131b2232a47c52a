import VPNFormats
import VPNProtocol

/// The client's driver in virtual time.
extension SimulatedPair {
    func clientReceives(_ packet: [UInt8]) {
        guard let first = packet.first, let header = PacketHeader(firstByte: first) else { return }
        guard header.opcode.isData else {
            var actions: [ClientAction] = []
            self.client.receive(packet, context: self.context, actions: &actions)
            return self.perform(actions)
        }
        guard let data = DataFrame(parsing: packet), let index = self.client.data.index(of: data.header.keyID),
            data.fingerprint == self.client.data.keys[index].keys.opening.fingerprint,
            self.client.received(packetID: data.header.packetID, keyIndex: index, bytes: 16, now: self.now),
            data.number != 0
        else { return }
        self.outcome.clientPayloads += 1
        if !self.ledger.clientReceived.insert(data.number).inserted { self.fail("the client took a payload twice") }
    }

    /// Puts out what is due, and sees to the next deadline.
    func settleClient() {
        var actions: [ClientAction] = []
        self.client.tick(context: self.context, actions: &actions)
        self.perform(actions)
        if let deadline = self.client.nextDeadline, deadline < self.clientWakeAt ?? Instant(nanoseconds: .max) {
            self.clientWakeAt = deadline
            self.agenda.add(.wakeClient, at: max(deadline, self.now.advanced(by: .milliseconds(1))))
        }
    }

    private func perform(_ actions: [ClientAction]) {
        var waiting = actions[...]
        while let action = waiting.popFirst() {
            switch action {
            case .send(let packet):
                self.send(packet, to: Event.toServer)
            case .tls(let keyID, let command):
                waiting = self.perform(command, keyID: keyID) + waiting
            case .ping:
                self.clientSends(number: 0)
            case .live:
                self.outcome.wentLiveAfter = self.elapsed
            case .dataKeysChanged:
                self.outcome.keyExchanges = max(
                    self.outcome.keyExchanges, self.client.data.keys.last.map { Int($0.id.rawValue) + 1 } ?? 0)
            case .ended(let text):
                self.fail("the client was told to end: \(text)")
            }
        }
    }

    private func perform(_ command: TLSCommand, keyID: KeyID) -> ArraySlice<ClientAction> {
        switch command {
        case .open: self.clientTLS[keyID] = ScriptedTLS(role: .client, random: &self.random)
        case .close: self.clientTLS[keyID] = nil
        case .feed, .write: break
        }
        guard let output = self.clientTLS[keyID]?.perform(command, random: &self.random) else { return [] }
        var actions: [ClientAction] = []
        self.client.tlsProgress(
            keyID, output, context: self.context, random: &self.random, actions: &actions)
        self.client.tick(context: self.context, actions: &actions)
        return actions[...]
    }

    func clientSends(number: UInt64) {
        guard let taken = self.client.data.takeSlot(bytes: 16, now: self.now),
            let index = self.client.data.index(of: taken.keyID)
        else { return }
        let fingerprint = self.client.data.keys[index].keys.sealing.fingerprint
        if !self.ledger.use(key: fingerprint, packetID: taken.packetID) { self.fail("the client used a nonce twice") }
        if number != 0 { self.ledger.clientSent[number] = self.now }
        self.send(
            DataFrame.bytes(taken, peerID: self.client.data.peerID, fingerprint: fingerprint, number: number),
            to: Event.toServer)
    }

    /// One payload each way while both are live.
    func makeTraffic() {
        self.agenda.add(.traffic, at: self.now.advanced(by: Self.trafficInterval))
        guard self.client.isLive else { return }
        self.clientSends(number: self.ledger.nextNumber)
        self.ledger.nextNumber += 1
        for slot in self.server.sessions.indices where self.server.sessions[slot]?.isLive == true {
            self.serverSends(number: self.ledger.nextNumber, slot: slot)
            self.ledger.nextNumber += 1
        }
    }
}
