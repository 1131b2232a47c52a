internal import VPNFormats
internal import VPNProtocol

/// The data channel's side of a shard.
extension Shard {
    // MARK: From clients

    func receive(from index: Int) throws(NetworkError) {
        for _ in 0..<Self.batchRounds {
            let count = try self.sockets[index].receive(into: self.receiveBatch)
            guard count > 0 else { return }
            self.counters.datagramsIn &+= UInt64(count)
            for position in 0..<count {
                guard let datagram = self.receiveBatch[position] else {
                    self.endpoint.countDrop(.malformed)
                    continue
                }
                self.receive(datagram, path: NetworkPath(datagram, socket: index))
            }
            self.settle()
        }
    }

    private func receive(_ datagram: ReceivedDatagram, path: NetworkPath) {
        guard let first = unsafe datagram.bytes.first, let header = PacketHeader(firstByte: first) else {
            return self.endpoint.countDrop(.malformed)
        }
        if header.opcode.isData {
            if let reason = unsafe self.receiveData(datagram.bytes, path: path) { self.endpoint.countDrop(reason) }
        } else {
            self.endpoint.receive(unsafe Array(datagram.bytes), path: path, now: self.now)
        }
    }

    /// - Returns: Why the packet was dropped, or nil.
    private func receiveData(_ packet: UnsafeMutableRawBufferPointer, path: NetworkPath) -> DropReason? {
        guard let header = unsafe DataPacketHeader(UnsafeRawBufferPointer(packet)) else { return .malformed }
        let found =
            header.layout == .v2 && header.peerID != .undefined
            ? self.endpoint.slot(peerID: header.peerID) : self.endpoint.slot(path: path)
        guard let slot = found, let resources = self.existingResources(slot) else { return .unknownSession }
        guard let context = resources.context(header.keyID),
            let keyIndex = self.endpoint.sessions[slot]?.data.index(of: header.keyID)
        else { return .unknownKey }
        guard self.endpoint.sessions[slot]?.data.mayAccept(header.packetID, keyIndex: keyIndex) == true else {
            return .replayed
        }
        guard unsafe context.open(packet, layout: header.layout, packetID: header.packetID) else {
            return .authentication
        }
        let payload = unsafe UnsafeMutableRawBufferPointer(rebasing: packet[header.layout.payloadOffset...])
        let isFresh = self.endpoint.receivedData(
            slot: slot, packetID: header.packetID, keyIndex: keyIndex, bytes: payload.count, path: path,
            now: self.now.instant)
        guard isFresh else { return .replayed }
        return unsafe self.deliver(payload, from: slot, resources: resources)
    }

    /// Takes an authentic payload of a client where it belongs.
    private func deliver(
        _ payload: UnsafeMutableRawBufferPointer, from slot: Int, resources: SessionResources
    ) -> DropReason? {
        let raw = UnsafeRawBufferPointer(payload)
        if unsafe PingMessage.matches(raw) { return nil }
        if unsafe OCCMessage.matches(raw) {
            if case .exit? = unsafe OCCMessage(raw) { self.endpoint.leave(slot: slot, now: self.now) }
            return nil
        }
        guard let packet = unsafe InnerPacket(raw) else { return .malformed }
        guard self.isOwnSource(packet.source, of: resources) else { return .innerSource }
        self.counters.packetsIn &+= 1
        self.counters.bytesIn &+= UInt64(payload.count)
        self.endpoint.countPayload(slot: slot, bytesIn: payload.count, bytesOut: 0)
        unsafe self.clamp(payload, slot: slot)
        switch self.destination(of: packet) {
        case .outside:
            guard unsafe self.queue.write(raw) else { return .queueFull }
            return nil
        case .client(let other):
            guard self.endpoint.settings.clientToClient else { return .filtered }
            return unsafe self.seal(raw, for: other)
        case .nobody:
            return self.endpoint.settings.clientToClient ? .noRoute : .filtered
        }
    }

    private func isOwnSource(_ source: IPAddress, of resources: SessionResources) -> Bool {
        switch source {
        case .v4(let address): address == resources.ipv4
        case .v6(let address): address == resources.ipv6
        }
    }

    private enum Destination {
        /// This machine, or whatever it routes to.
        case outside
        case client(slot: Int)
        /// An address of the clients' network that no client has, or of nobody in particular.
        case nobody
    }

    private func destination(of packet: InnerPacket) -> Destination {
        switch packet.destination {
        case .v4(let address):
            if let slot = self.routes4[address] { return .client(slot: slot) }
            guard !address.isMulticast, address.bits != .max else { return .nobody }
            guard let subnet = self.network.ipv4, subnet.contains(address) else { return .outside }
            return address == subnet.firstHost ? .outside : .nobody
        case .v6(let address):
            if let slot = self.routes6[address] { return .client(slot: slot) }
            guard !address.isMulticast, !address.isLinkLocal else { return .nobody }
            guard let subnet = self.network.ipv6, subnet.contains(address) else { return .outside }
            return address == subnet.firstHost ? .outside : .nobody
        }
    }

    // MARK: To clients

    func readTunnel() throws(NetworkError) {
        for _ in 0..<Self.tunnelBurst {
            let room = unsafe UnsafeMutableRawBufferPointer(rebasing: self.packetBuffer[Self.headroomBytes...])
            guard let length = try unsafe self.queue.read(into: room) else { return }
            let packet = unsafe UnsafeMutableRawBufferPointer(rebasing: room[..<length])
            if let reason = unsafe self.sendToClient(packet) { self.endpoint.countDrop(reason) }
        }
    }

    private func sendToClient(_ packet: UnsafeMutableRawBufferPointer) -> DropReason? {
        guard let inner = unsafe InnerPacket(UnsafeRawBufferPointer(packet)) else { return .malformed }
        let found: Int? =
            switch inner.destination {
            case .v4(let address): self.routes4[address]
            case .v6(let address): self.routes6[address]
            }
        guard let slot = found else { return .noRoute }
        unsafe self.clamp(packet, slot: slot)
        return unsafe self.seal(UnsafeRawBufferPointer(packet), for: slot)
    }

    private func seal(_ payload: UnsafeRawBufferPointer, for slot: Int) -> DropReason? {
        guard unsafe self.encrypt(payload, for: slot) else { return .noRoute }
        self.counters.packetsOut &+= 1
        self.counters.bytesOut &+= UInt64(payload.count)
        self.endpoint.countPayload(slot: slot, bytesIn: 0, bytesOut: payload.count)
        return nil
    }

    func sendPing(slot: Int) {
        unsafe withUnsafeTemporaryAllocation(byteCount: PingMessage.byteCount, alignment: 8) { payload in
            unsafe PingMessage.write(into: payload)
            _ = unsafe self.encrypt(UnsafeRawBufferPointer(payload), for: slot)
        }
    }

    /// Encrypts one payload into the send batch of the session's socket.
    private func encrypt(_ payload: UnsafeRawBufferPointer, for slot: Int) -> Bool {
        guard let path = self.endpoint.sessions[slot]?.path, let resources = self.existingResources(slot),
            let batch = self.batch(for: path.socket), let room = unsafe batch.reserve()
        else { return false }
        let peerID = self.endpoint.sessions[slot]?.data.peerID
        let layout: DataPacketLayout = peerID == nil ? .v1 : .v2
        let length = layout.payloadOffset + payload.count
        guard length <= room.count,
            let taken = self.endpoint.takeDataSlot(slot: slot, bytes: payload.count, now: self.now.instant),
            let context = resources.context(taken.keyID)
        else { return false }
        let packet = unsafe UnsafeMutableRawBufferPointer(rebasing: room[..<length])
        unsafe UnsafeMutableRawBufferPointer(rebasing: packet[layout.payloadOffset...]).copyMemory(from: payload)
        guard
            unsafe context.seal(
                packet, layout: layout, peerID: peerID ?? .undefined, packetID: taken.packetID)
        else { return false }
        return batch.commit(byteCount: length, to: path.remote, from: path.localEndpoint)
    }

    // MARK: Segment size

    /// Makes TCP connections choose segments that fit the tunnel: outer packets of at most 1,492 bytes, as stock
    /// servers reckon.
    private func clamp(_ packet: UnsafeMutableRawBufferPointer, slot: Int) {
        guard self.endpoint.settings.clampMSS, let session = self.endpoint.sessions[slot] else { return }
        let outerHeaders = session.path.remote.ip.isIPv4 ? 20 + 8 : 40 + 8
        let layout: DataPacketLayout = session.data.peerID == nil ? .v1 : .v2
        let inner = min(1_492 - outerHeaders - layout.payloadOffset, self.network.mtuBytes)
        unsafe InnerPacket.clampMSS(packet, maximumPacketBytes: inner)
    }
}
