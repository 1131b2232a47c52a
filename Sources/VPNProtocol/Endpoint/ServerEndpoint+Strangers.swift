import VPNFormats

/// The stateless part of the handshake: nothing is kept for a source that has not proven its address, but the keys of
/// the few clients that leave no other way.
extension ServerEndpoint {
    /// A packet whose wrapping verified.
    private struct Verified {
        let wrap: ControlWrap
        let clientKey: StaticKey?
        let packetID: LongPacketID
        let body: ControlBody
    }

    mutating func receiveFromStranger(
        _ packet: [UInt8], header: PacketHeader, client: SessionID, path: NetworkPath, now: Moment
    ) -> DropReason? {
        guard header.keyID == .initial else { return .unknownSession }
        switch header.opcode {
        case .hardResetClientV2, .hardResetClientV3:
            return self.answerReset(packet, header: header, client: client, path: path, now: now)
        case .control, .acknowledgement, .controlWithWrappedKey:
            return self.acceptProof(packet, header: header, client: client, path: path, now: now)
        default:
            return .unknownSession
        }
    }

    // MARK: First packet

    private mutating func answerReset(
        _ packet: [UInt8], header: PacketHeader, client: SessionID, path: NetworkPath, now: Moment
    ) -> DropReason? {
        guard let verified = self.unwrap(packet, header: header, client: client, path: path, now: now) else {
            return .wrapping
        }
        guard verified.body.messageID == 0, verified.body.acknowledgements.isEmpty else { return .malformed }
        let refusal = self.limiter.refusal(
            path.remote, client: client, packetID: verified.packetID, limits: self.limits, now: now.instant)
        if let refusal { return refusal }
        var payload: [UInt8] = []
        if let key = verified.clientKey {
            if verified.packetID.announcesEarlyNegotiation {
                payload = ResetReplyOptions.resendWrappedKey.bytes
            } else {
                self.halfOpen.insert(
                    client, key: key, remote: path.remote, limit: self.limits.maximumHalfOpen, now: now.instant)
            }
        }
        let body = ControlBody(messageID: 0, acknowledging: [0], remoteSession: client, payload: payload)
        let cookie = self.cookie.issue(
            remote: path.remote, client: client, unixSeconds: now.unixSeconds, crypto: self.crypto)
        let reply = verified.wrap.seal(
            header: PacketHeader(.hardResetServerV2, .initial), session: cookie,
            packetID: LongPacketID(id: 1, time: now.wireSeconds), body: body.bytes,
            crypto: self.crypto)
        self.outputs.append(.send(reply, path))
        return nil
    }

    // MARK: Second packet

    /// A packet that should carry our cookie: if it does, its sender receives at its address and gets a session.
    private mutating func acceptProof(
        _ packet: [UInt8], header: PacketHeader, client: SessionID, path: NetworkPath, now: Moment
    ) -> DropReason? {
        guard let verified = self.unwrap(packet, header: header, client: client, path: path, now: now) else {
            return .wrapping
        }
        let body = verified.body
        guard let cookie = body.remoteSession, body.acknowledgements.allSatisfy({ $0 <= 1 }),
            (body.messageID ?? 0) <= 1
        else { return .unknownSession }
        guard
            self.cookie.verify(
                cookie, remote: path.remote, client: client, unixSeconds: now.unixSeconds, crypto: self.crypto)
        else { return .cookie }
        guard self.connecting.count < self.limits.maximumConnecting else { return .full }
        let control = ControlChannel(
            localSession: cookie, remoteSession: client, wrap: verified.wrap,
            sequence: LongPacketIDSequence(after: 1, time: now.wireSeconds))
        let slot = self.add { handle, peerID in
            ServerSession(
                handle: handle, peerID: peerID, path: path, control: control,
                wrapIsPersonal: verified.clientKey != nil, now: now.instant)
        }
        guard let slot else { return .full }
        self.halfOpen.remove(client, remote: path.remote)
        self.connecting.insert(slot)
        let inner =
            header.opcode.carriesWrappedKey
            ? ControlWrap.splitWrappedKey(from: packet[...]).map { Array($0.packet) } ?? packet : packet
        self.withSession(slot, now: now) { session, context, _, actions in
            session.begin(context: context, actions: &actions)
            _ = session.receive(inner, path: path, context: context, actions: &actions)
        }
        return nil
    }

    // MARK: Wrapping

    /// Finds the key that a stranger's packet is wrapped in.
    private func unwrap(
        _ packet: [UInt8], header: PacketHeader, client: SessionID, path: NetworkPath, now: Moment
    ) -> Verified? {
        if header.opcode.carriesWrappedKey {
            guard let split = ControlWrap.splitWrappedKey(from: packet[...]) else { return nil }
            for serverKey in self.wrapping.tlsCryptV2 {
                guard
                    let opened = try? WrappedClientKey.open(split.wrappedKey, serverKey: serverKey, crypto: self.crypto)
                else { continue }
                return self.open(split.packet, header: header, key: opened.key, clientKey: opened.key)
            }
            return nil
        }
        if let key = self.halfOpen.key(client, remote: path.remote, now: now.instant) {
            return self.open(packet, header: header, key: key, clientKey: key)
        }
        for key in self.wrapping.tlsCrypt {
            if let verified = self.open(packet, header: header, key: key, clientKey: nil) { return verified }
        }
        return nil
    }

    private func open(
        _ packet: some Collection<UInt8>, header: PacketHeader, key: StaticKey, clientKey: StaticKey?
    ) -> Verified? {
        let wrap = ControlWrap(key: key, role: .server)
        guard let opened = wrap.open(packet, crypto: self.crypto), opened.packetID.id != 0,
            let body = ControlBody(opcode: header.opcode, bytes: opened.body)
        else { return nil }
        return Verified(wrap: wrap, clientKey: clientKey, packetID: opened.packetID, body: body)
    }
}
