internal import VPNFormats
internal import VPNProtocol

/// The control channel's side of a shard: what sessions ask for is done here.
extension Shard {
    /// Works off what sessions ask for until they ask for nothing more.
    func settle() {
        self.workOff()
        self.endpoint.flush(now: self.now)
        self.workOff()
    }

    private func workOff() {
        while case let outputs = self.endpoint.takeOutputs(), !outputs.isEmpty {
            for output in outputs {
                switch output {
                case .send(let packet, let path):
                    self.batch(for: path.socket)?.append(packet, to: path.remote, from: path.localEndpoint)
                case .session(let slot, let handle, let action):
                    self.perform(action, slot: slot, handle: handle)
                }
            }
        }
    }

    private func perform(_ action: SessionAction, slot: Int, handle: SessionHandle) {
        let resources = self.resources(slot: slot, handle: handle)
        switch action {
        case .send:
            break
        case .tls(let keyID, let command):
            self.perform(command, keyID: keyID, slot: slot, resources: resources)
        case .authorize(let ticket, let request):
            self.authorize(request, ticket: ticket, slot: slot, handle: handle)
        case .dataKeysChanged:
            self.reconcile(slot: slot, resources: resources)
        case .ping:
            self.sendPing(slot: slot)
        case .live:
            self.sessionBecameLive(slot: slot, resources: resources)
        case .ended(let reason):
            self.sessionEnded(slot: slot, resources: resources, reason: reason)
        }
        // The last that a session asks for comes when it is gone.
        if self.endpoint.sessions[slot]?.handle != handle, self.resources[slot] === resources {
            self.resources[slot] = nil
        }
    }

    func resources(slot: Int, handle: SessionHandle) -> SessionResources {
        while self.resources.count <= slot { self.resources.append(nil) }
        if let existing = self.resources[slot], existing.handle == handle { return existing }
        let fresh = SessionResources(handle: handle)
        self.resources[slot] = fresh
        return fresh
    }

    /// What is kept for the session that is in a slot now; nil where nothing is.
    func existingResources(_ slot: Int) -> SessionResources? {
        guard slot < self.resources.count, let resources = self.resources[slot],
            self.endpoint.sessions[slot]?.handle == resources.handle
        else { return nil }
        return resources
    }

    // MARK: TLS

    private func perform(_ command: TLSCommand, keyID: KeyID, slot: Int, resources: SessionResources) {
        switch command {
        case .open:
            do {
                resources.tls[keyID] = try TLSObject(server: self.tlsContext)
            } catch {
                self.endpoint.tlsProgress(
                    slot: slot, handle: resources.handle, keyID: keyID,
                    TLSOutput(status: .failed(error.message)), now: self.now)
            }
        case .close:
            resources.tls[keyID] = nil
        case .feed, .write:
            guard let object = resources.tls[keyID], let output = object.perform(command) else { return }
            self.endpoint.tlsProgress(
                slot: slot, handle: resources.handle, keyID: keyID, output, now: self.now)
        }
    }

    private func reconcile(slot: Int, resources: SessionResources) {
        let keys = self.endpoint.sessions[slot].map(\.data.keys) ?? []
        do {
            try resources.reconcile(with: keys)
        } catch {
            self.endpoint.end(resources.handle, .halt(text: "server error"), now: self.now)
            self.onEvent(.warning("cipher contexts cannot be made: \(error.message)"))
        }
    }

    // MARK: Authorisation

    private func authorize(_ request: LoginRequest, ticket: LoginTicket, slot: Int, handle: SessionHandle) {
        guard let session = self.endpoint.sessions[slot] else { return }
        let login = Login(session: handle, remote: session.path.remote, request: request)
        let authorizer = self.authorizer
        let mailbox = self.mailbox
        Task {
            let decision = await authorizer.authorize(login)
            let isRenegotiation = login.request.isRenegotiation
            let command = ShardCommand.decide(handle, ticket, decision, isRenegotiation: isRenegotiation)
            if !mailbox.post(command), case .admit = decision, !isRenegotiation {
                authorizer.sessionEnded(.unused(login))
            }
        }
    }

    func decide(_ handle: SessionHandle, _ ticket: LoginTicket, _ decision: LoginDecision, isRenegotiation: Bool) {
        let slot = self.endpoint.slot(handle: handle)
        if case .admit = decision, !isRenegotiation, let slot {
            self.resources(slot: slot, handle: handle).isAdmitted = true
        }
        let isTaken = self.endpoint.decide(handle, ticket, decision, now: self.now)
        guard case .admit = decision, !isRenegotiation, !isTaken else { return }
        // The client went away while it was being decided: what was reserved for it is free.
        if let slot { self.resources(slot: slot, handle: handle).isAdmitted = false }
        self.authorizer.sessionEnded(.unused(handle))
    }

    // MARK: Beginning and end

    private func sessionBecameLive(slot: Int, resources: SessionResources) {
        guard let session = self.endpoint.sessions[slot], let grant = session.grant else { return }
        self.addRoutes(grant, slot: slot, resources: resources)
        self.onEvent(
            .session(
                resources.handle, remote: session.path.remote,
                message: "\(grant.name) connected: \(session.cipher?.name ?? "?"), \(session.tlsVersion ?? "?")"))
        self.authorizer.sessionBecameLive(resources.handle)
    }

    private func addRoutes(_ grant: Grant, slot: Int, resources: SessionResources) {
        resources.ipv4 = grant.ipv4
        resources.ipv6 = grant.ipv6
        if let address = grant.ipv4 { self.routes4[address] = slot }
        if let address = grant.ipv6 { self.routes6[address] = slot }
    }

    private func removeRoutes(slot: Int, resources: SessionResources) {
        if let address = resources.ipv4, self.routes4[address] == slot { self.routes4[address] = nil }
        if let address = resources.ipv6, self.routes6[address] == slot { self.routes6[address] = nil }
    }

    private func sessionEnded(slot: Int, resources: SessionResources, reason: EndReason) {
        self.removeRoutes(slot: slot, resources: resources)
        let statistics =
            self.endpoint.sessions[slot].map { SessionStatistics($0) } ?? SessionStatistics(unused: resources.handle)
        self.onEvent(.session(resources.handle, remote: statistics.remote, message: reason.description))
        guard resources.isAdmitted else { return }
        resources.isAdmitted = false
        self.authorizer.sessionEnded(
            SessionReport(session: resources.handle, reason: reason, statistics: statistics))
    }

    /// Goes on with sessions of an earlier process.
    func resume(_ records: [[UInt8]]) {
        for (handle, grant) in self.endpoint.resume(records, now: self.now) {
            guard let slot = self.endpoint.slot(handle: handle) else { continue }
            let resources = self.resources(slot: slot, handle: handle)
            resources.isAdmitted = true
            self.addRoutes(grant, slot: slot, resources: resources)
            self.authorizer.sessionResumed(handle, grant: grant)
        }
    }
}

extension SessionStatistics {
    init(_ session: ServerSession) {
        self.init(
            session: session.handle, remote: session.path.remote, bytesIn: session.data.bytesIn,
            bytesOut: session.data.bytesOut, cipher: session.cipher, tlsVersion: session.tlsVersion)
    }

    /// Of a session that never carried anything.
    init(unused handle: SessionHandle) {
        self.init(
            session: handle, remote: SocketAddress(ip: .v4(IPv4Address(bits: 0)), port: 0), bytesIn: 0, bytesOut: 0,
            cipher: nil, tlsVersion: nil)
    }
}

extension SessionReport {
    static func unused(_ handle: SessionHandle) -> SessionReport {
        SessionReport(
            session: handle, reason: .ended("client left before it was admitted"),
            statistics: SessionStatistics(unused: handle))
    }

    static func unused(_ login: Login) -> SessionReport { .unused(login.session) }
}
