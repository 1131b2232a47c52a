import VPNFormats

extension ServerSession {
    /// Reads the client's key method message, answers it, and asks for a decision. The answer does not depend on the
    /// decision: clients learn of a refusal by a message that they can only read once the exchange is complete.
    mutating func receiveKeyMethod<Generator: RandomNumberGenerator>(
        _ record: [UInt8], facts: TLSFacts, on id: KeyID, context: SessionContext, random: inout Generator,
        actions: inout [SessionAction]
    ) {
        guard let index = self.exchangeIndex(id) else { return }
        guard let message = try? ClientKeyMessage(bytes: record) else {
            return self.abandon(
                id, reason: .protocolError("malformed key exchange message"), context: context, actions: &actions)
        }
        let answer = ServerKeyMessage(random: KeyExchangeRandom(using: &random), options: message.options.mirrored())
        actions.append(.tls(id, .write(answer.bytes)))
        self.exchanges[index].stage = .authorizing(
            facts, KeyRandoms(preMaster: message.preMaster, client: message.random, server: answer.random))

        let isRenegotiation = self.newestKeyedIndex != nil
        if !isRenegotiation {
            self.peerInfo = message.peerInfo
            self.isPushRequested = message.peerInfo.protocolFlags.contains(.requestPush)
            if let refusal = self.negotiate(with: message, settings: context.settings) {
                return self.end(.refused(refusal), context: context, actions: &actions)
            }
        }
        switch message.credentials {
        case .failure(let problem):
            let text = problem == .tooLong ? "user name or password too long" : "user name or password is not text"
            self.end(.refused(Refusal(text: text)), context: context, actions: &actions)
        case .success(let credentials):
            actions.append(
                .authorize(
                    self.exchanges[index].ticket,
                    LoginRequest(
                        isRenegotiation: isRenegotiation, certificate: facts.peerCertificate, credentials: credentials,
                        peerInfo: self.peerInfo)))
        }
    }

    /// Settles what holds for the session's whole life: cipher, packet version, where keys come from.
    private mutating func negotiate(with message: ClientKeyMessage, settings: ServerSettings) -> Refusal? {
        let flags = message.peerInfo.protocolFlags
        if message.options.usesFragments {
            return Refusal(text: "this server does not support --fragment")
        }
        if message.options.deviceType == "tap" {
            return Refusal(text: "this server supports dev tun only")
        }
        guard
            let cipher = negotiateCipher(
                settings.ciphers, peerInfo: message.peerInfo, options: message.options)
        else {
            return Refusal(text: "Data channel cipher negotiation failed (no shared cipher)")
        }
        self.cipher = cipher
        self.usesExportedKeys = flags.contains(.tlsKeyExport)
        self.data = DataChannel(peerID: flags.contains(.dataV2) ? self.peerID : nil, now: self.createdAt)
        return nil
    }

    /// Takes in the answer to a login.
    ///
    /// - Parameter ticket: The one that the question named. An answer that comes when that exchange is no longer
    ///   pending has no effect.
    /// - Returns: True where the answer was taken: after an admission that was not, whatever it reserved is free.
    @discardableResult
    public mutating func decide(
        _ ticket: LoginTicket, _ decision: LoginDecision, context: SessionContext, actions: inout [SessionAction]
    ) -> Bool {
        guard !self.isOver, self.delayedRefusal == nil,
            let index = self.exchanges.firstIndex(where: { $0.ticket == ticket }),
            case .authorizing(let facts, let randoms) = self.exchanges[index].stage
        else { return false }
        switch decision {
        case .refuse(let refusal):
            self.refuse(refusal, context: context, actions: &actions)
        case .admit(let grant):
            self.admit(grant, exchange: index, facts: facts, randoms: randoms, context: context, actions: &actions)
        }
        return true
    }

    /// Turns the client down. One that would be back at once, as it knows no waiting time, is told later; a session
    /// that lives is never kept for that.
    private mutating func refuse(
        _ refusal: Refusal, context: SessionContext, actions: inout [SessionAction]
    ) {
        guard self.phase == .connecting, let delay = refusal.delay(for: self.peerInfo) else {
            return self.end(.refused(refusal), context: context, actions: &actions)
        }
        let at = min(context.now.instant.advanced(by: delay), self.handshakeDeadline(context.settings))
        self.delayedRefusal = DelayedRefusal(refusal: refusal, at: at)
    }

    private mutating func admit(
        _ grant: Grant, exchange index: Int, facts: TLSFacts, randoms: KeyRandoms, context: SessionContext,
        actions: inout [SessionAction]
    ) {
        let id = self.exchanges[index].id
        guard let cipher = self.cipher,
            let keys = self.deriveKeys(facts: facts, randoms: randoms, cipher: cipher, context: context)
        else {
            return self.finish(
                reason: .protocolError("key derivation failed"), context: context, actions: &actions)
        }
        let isRenegotiation = self.newestKeyedIndex != nil
        self.exchanges[index].stage = .keyed
        self.exchanges[index].renegotiateAt = self.renegotiationTime(context: context)
        self.data.install(InstalledKey(id: id, keys: keys, now: context.now.instant))
        self.forgetSurplusKeys(actions: &actions)
        actions.append(.dataKeysChanged)

        if isRenegotiation {
            self.renewToken(grant, on: id, actions: &actions)
        } else {
            self.grant = grant
            self.adoptDynamicWrap(facts, context: context)
            self.pendingPush = self.pushMessages(grant, cipher: cipher, settings: context.settings)
            // The token lives on at the client alone.
            self.grant?.authToken = nil
            self.grant?.authTokenUser = nil
            self.grant?.push = []
            self.phase = .admitted
            if self.isPushRequested { self.push(context: context, actions: &actions) }
        }
    }

    /// Three keys at a time are enough: a fourth pushes out the oldest that does not send.
    private mutating func forgetSurplusKeys(actions: inout [SessionAction]) {
        for exchange in self.exchanges where exchange.isKeyed && self.data.index(of: exchange.id) == nil {
            self.drop(exchange.id, actions: &actions)
        }
    }

    private func deriveKeys(
        facts: TLSFacts, randoms: KeyRandoms, cipher: DataCipher, context: SessionContext
    ) -> DataKeys? {
        randoms.material(
            exported: self.usesExportedKeys ? facts.dataKeyMaterial : nil, clientSession: self.control.remoteSession,
            serverSession: self.control.localSession, crypto: context.crypto
        )?.dataKeys(cipher: cipher, role: .server)
    }

    /// Spread over a tenth of the interval, so that sessions that began together do not renegotiate together.
    private func renegotiationTime(context: SessionContext) -> Instant? {
        context.settings.renegotiateAfter.map { interval in
            let spread = interval * Double(self.handle.rawValue % 64) / 640
            return context.now.instant.advanced(by: interval + spread)
        }
    }

    private mutating func adoptDynamicWrap(_ facts: TLSFacts, context: SessionContext) {
        guard self.usesDynamicWrap(context.settings), let material = try? StaticKey(bytes: facts.dynamicWrapMaterial)
        else {
            return
        }
        self.control.adoptDynamic(
            ControlWrap(key: material.xor(self.control.original.wrap.key), role: .server), now: context.now)
    }

    private func usesDynamicWrap(_ settings: ServerSettings) -> Bool {
        settings.dynamicTLSCrypt
            && self.peerInfo.protocolFlags.isSuperset(of: [.dynamicTLSCrypt, .controlChannelExit])
    }

    // MARK: Configuration

    private func pushMessages(_ grant: Grant, cipher: DataCipher, settings: ServerSettings) -> [String] {
        var options: [PushOption] = []
        let tunnel = settings.tunnel
        if let address = grant.ipv4, let subnet = tunnel.ipv4 {
            options += [.topologySubnet, .ifconfig(address, netmask: subnet.netmask), .routeGateway(subnet.firstHost)]
        }
        if let address = grant.ipv6, let subnet = tunnel.ipv6 {
            options += [.ifconfigIPv6(address, length: subnet.length, gateway: subnet.firstHost)]
        }
        options += grant.push
        options += [.ping(seconds: grant.keepalive.clientPing), .pingRestart(seconds: grant.keepalive.clientRestart)]
        if self.data.peerID != nil { options.append(.peerID(self.peerID)) }
        if self.peerInfo.acceptsPushedCipher { options.append(.cipher(cipher)) }
        options += self.protocolFlagOptions(settings)
        if let limit = self.peerInfo.maximumTunMTU, tunnel.mtuBytes <= limit {
            options.append(.tunMTU(tunnel.mtuBytes))
        }
        if let token = grant.authToken, let option = try? PushOption.authToken(token) { options.append(option) }
        if let name = grant.authTokenUser, let option = try? PushOption.authTokenUser(name) { options.append(option) }
        return PushReply(options).messages
    }

    private func protocolFlagOptions(_ settings: ServerSettings) -> [PushOption] {
        let flags = self.peerInfo.protocolFlags
        guard flags.contains(.controlChannelExit) else {
            return self.usesExportedKeys ? [.keyDerivationByExporter] : []
        }
        var pushed: PushOption.SessionFlags = .controlChannelExit
        if self.usesExportedKeys { pushed.insert(.tlsKeyExport) }
        if self.usesDynamicWrap(settings) { pushed.insert(.dynamicTLSCrypt) }
        return [.protocolFlags(pushed)]
    }

    /// Sends the configuration. Keys are in place: the client may encrypt at once.
    mutating func push(context: SessionContext, actions: inout [SessionAction]) {
        guard self.phase == .admitted, let index = self.newestKeyedIndex else { return }
        for message in self.pendingPush {
            actions.append(.tls(self.exchanges[index].id, .write(Array(message.utf8) + [0])))
        }
        self.pendingPush = []
        self.phase = .live
        self.data.lastReceived = context.now.instant
        self.data.lastSent = context.now.instant
        actions.append(.live)
    }

    /// A renegotiation was admitted: the client gets its next token over the new key's TLS.
    private mutating func renewToken(_ grant: Grant, on id: KeyID, actions: inout [SessionAction]) {
        guard let token = grant.authToken, let option = try? PushOption.authToken(token) else { return }
        for message in PushReply([option]).messages {
            actions.append(.tls(id, .write(Array(message.utf8) + [0])))
        }
    }
}
