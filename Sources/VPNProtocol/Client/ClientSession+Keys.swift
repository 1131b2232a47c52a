import VPNFormats

extension ClientSession {
    /// Takes in what the TLS object of a key id produced.
    public mutating func tlsProgress<Generator: RandomNumberGenerator>(
        _ id: KeyID, _ output: TLSOutput, context: SessionContext, random: inout Generator,
        actions: inout [ClientAction]
    ) {
        guard let index = self.exchangeIndex(id), self.phase != .ended else { return }
        if !output.ciphertext.isEmpty { _ = self.control?.withStream(id) { $0.enqueue(output.ciphertext) } }
        switch output.status {
        case .unchanged:
            break
        case .established(let facts):
            self.exchanges[index].stage = .established(facts)
            self.sendKeyMethod(on: id, facts: facts, random: &random, actions: &actions)
        case .failed(let reason):
            if self.newestKeyedIndex == nil { return self.end("TLS failed: \(reason)", actions: &actions) }
            return self.drop(id, actions: &actions)
        }
        for record in output.records {
            self.receive(record: record, on: id, context: context, actions: &actions)
        }
        // The server's half may be the last that comes.
        self.installAcknowledgedKeys(context: context, actions: &actions)
    }

    private mutating func sendKeyMethod<Generator: RandomNumberGenerator>(
        on id: KeyID, facts: TLSFacts, random: inout Generator, actions: inout [ClientAction]
    ) {
        let own = KeyExchangeRandom(using: &random)
        let preMaster = (0..<ClientKeyMessage.preMasterBytes).map { _ in UInt8.random(in: 0...255, using: &random) }
        guard
            let message = ClientKeyMessage(
                preMaster: preMaster, random: own, options: self.settings.options,
                credentials: self.settings.credentials, peerInfo: self.settings.peerInfo)
        else { return self.end("credentials too long", actions: &actions) }
        actions.append(.tls(id, .write(message.bytes)))
        self.awaited = Awaited(facts: facts, preMaster: preMaster, random: own)
    }

    private mutating func receive(
        record: [UInt8], on id: KeyID, context: SessionContext, actions: inout [ClientAction]
    ) {
        guard let index = self.exchangeIndex(id) else { return }
        if case .established = self.exchanges[index].stage, let awaited = self.awaited {
            guard let message = try? ServerKeyMessage(bytes: record) else {
                return self.end("malformed key exchange message", actions: &actions)
            }
            self.exchanges[index].stage = .authorizing(
                awaited.facts,
                KeyRandoms(preMaster: awaited.preMaster, client: awaited.random, server: message.random))
            self.awaited = nil
            if id == .initial {
                self.phase = .configuring
                if !self.settings.peerInfo.protocolFlags.contains(.requestPush) {
                    self.nextPushRequest = context.now.instant.advanced(by: .seconds(1))
                }
            }
            return
        }
        for message in ControlMessage.messages(in: record) {
            self.receive(message: message, context: context, actions: &actions)
        }
    }

    private mutating func receive(
        message: ControlMessage, context: SessionContext, actions: inout [ClientAction]
    ) {
        switch message {
        case .authFailed, .restart, .halt:
            self.end(message.text, actions: &actions)
        case .pushReply(let part) where self.phase == .configuring:
            self.pushed += part.options.map(\.text)
            if !part.continues { self.configure(context: context, actions: &actions) }
        case .pushReply(let part):
            // A token for the next login.
            if let token = part.options.first(where: { $0.name == "auth-token" }) { self.pushed.append(token.text) }
        case .pushRequest, .authPending, .challengeResponse, .info, .infoPre, .exit, .unknown:
            break
        }
    }

    private mutating func configure(context: SessionContext, actions: inout [ClientAction]) {
        guard let index = self.exchangeIndex(.initial),
            case .authorizing(let facts, let randoms) = self.exchanges[index].stage
        else { return }
        var peerID: PeerID?
        for option in self.pushed {
            let words = option.split(separator: " ")
            switch words.first {
            case "peer-id": peerID = words.dropFirst().first.flatMap { UInt32($0) }.flatMap(PeerID.init(rawValue:))
            case "cipher": self.cipher = words.dropFirst().first.flatMap { DataCipher(name: String($0)) }
            case "key-derivation": self.usesExportedKeys = words.contains("tls-ekm")
            case "protocol-flags":
                self.usesExportedKeys = words.contains("tls-ekm")
                if words.contains("dyn-tls-crypt"), let material = try? StaticKey(bytes: facts.dynamicWrapMaterial) {
                    self.control?.adoptDynamic(
                        ControlWrap(key: material.xor(self.settings.wrapKey), role: .client), now: context.now)
                }
            default: break
            }
        }
        self.data = DataChannel(peerID: peerID, now: context.now.instant)
        self.installKeys(exchange: index, facts: facts, randoms: randoms, context: context, actions: &actions)
        self.becomeLive(actions: &actions)
    }

    /// Keys of a renegotiation are good once the server has acknowledged our half and sent its own.
    mutating func installAcknowledgedKeys(context: SessionContext, actions: inout [ClientAction]) {
        guard self.isLive, let index = self.pendingIndex,
            case .authorizing(let facts, let randoms) = self.exchanges[index].stage,
            self.control?.withStream(self.exchanges[index].id, { $0.isDrained }) == true
        else { return }
        self.installKeys(exchange: index, facts: facts, randoms: randoms, context: context, actions: &actions)
    }

    private mutating func installKeys(
        exchange index: Int, facts: TLSFacts, randoms: KeyRandoms, context: SessionContext,
        actions: inout [ClientAction]
    ) {
        guard let cipher = self.cipher, let remote = self.control?.remoteSession else {
            return self.end("the server named no data cipher", actions: &actions)
        }
        let material = randoms.material(
            exported: self.usesExportedKeys ? facts.dataKeyMaterial : nil, clientSession: self.session,
            serverSession: remote, crypto: context.crypto)
        guard let keys = material?.dataKeys(cipher: cipher, role: .client) else {
            return self.end("unusable keys", actions: &actions)
        }
        self.exchanges[index].stage = .keyed
        self.lastKeyedAt = context.now.instant
        self.data.install(InstalledKey(id: self.exchanges[index].id, keys: keys, now: context.now.instant))
        actions.append(.dataKeysChanged)
    }

    mutating func end(_ text: String, actions: inout [ClientAction]) {
        self.phase = .ended
        self.data.removeAll()
        actions.append(.dataKeysChanged)
        actions.append(.ended(text))
    }
}
