import VPNFormats
package import VPNProtocol

/// A server endpoint and any number of clients with scripted TLS, in virtual time, on a network that loses what the
/// test says and delivers the rest at once. For tests that bring a session into a certain state, or many at a time.
package final class EndpointRig {
    /// One client, its TLS objects, and where it is.
    package final class Client {
        package var session: ClientSession
        package var tls: [KeyID: ScriptedTLS] = [:]
        package var path: NetworkPath
        /// What the server pushed, once it did.
        package var options: [String]?
        /// What the client was told when it ended.
        package var farewell: String?
        package var sentDatagrams = 0

        init(session: ClientSession, path: NetworkPath) {
            self.session = session
            self.path = path
        }
    }

    /// A login that waits for its decision.
    package struct Question {
        package let handle: SessionHandle
        package let ticket: LoginTicket
        package let request: LoginRequest
    }

    package enum Direction { case toServer, toClient }

    private struct Datagram {
        let direction: Direction
        let bytes: [UInt8]
        let path: NetworkPath
    }

    package let crypto: any KeyDerivationCryptography
    package var random: SeededRandom
    package var server: ServerEndpoint<SeededRandom>
    package var now = Instant(nanoseconds: 1_000_000_000_000)
    package private(set) var clients: [Client] = []
    /// Answers logins at once; nil leaves them in `questions`.
    package var authorizer: (LoginRequest) -> LoginDecision?
    package var questions: [Question] = []
    /// True for datagrams that the network loses.
    package var isLost: (Direction, [UInt8]) -> Bool = { _, _ in false }
    /// Sessions that ended, and why.
    package private(set) var ended: [(handle: SessionHandle, reason: EndReason)] = []
    package private(set) var live: [SessionHandle] = []
    /// Everything that the server sent, with where to.
    package var sent: [(bytes: [UInt8], path: NetworkPath)] = []
    package private(set) var pings = 0
    /// The last packet id of packets that tests made themselves; far above those of any client.
    package var forgedID: UInt32 = 0x1000_0000
    package private(set) var serverTLS: [SessionHandle: [KeyID: ScriptedTLS]] = [:]

    private var byPath: [NetworkPath: Client] = [:]
    private var inFlight: [Datagram] = []
    private let start: Instant

    package init(
        settings: ServerSettings, wrapping: WrappingKeys, limits: EndpointLimits = EndpointLimits(), seed: UInt64 = 1,
        crypto: any KeyDerivationCryptography, authorizer: @escaping (LoginRequest) -> LoginDecision?
    ) {
        self.crypto = crypto
        self.random = SeededRandom(seed: seed)
        self.start = self.now
        self.authorizer = authorizer
        self.server = ServerEndpoint(
            settings: settings, wrapping: wrapping, limits: limits, cookieKey: [UInt8](repeating: 9, count: 32),
            crypto: crypto, random: SeededRandom(seed: seed &+ 1),
            now: Moment(instant: self.now, unixSeconds: 1_700_000_000))
    }

    /// The server's process is gone, and another stands in its place.
    package func replaceServer(settings: ServerSettings, wrapping: WrappingKeys) {
        self.serverTLS = [:]
        self.server = ServerEndpoint(
            settings: settings, wrapping: wrapping, limits: EndpointLimits(),
            cookieKey: [UInt8](repeating: 9, count: 32), crypto: self.crypto,
            random: SeededRandom(seed: self.random.next()), now: self.moment)
    }

    package var moment: Moment {
        Moment(instant: self.now, unixSeconds: 1_700_000_000 + UInt64(self.now.since(self.start).components.seconds))
    }

    private var context: SessionContext {
        SessionContext(settings: self.server.settings, crypto: self.crypto, now: self.moment)
    }

    // MARK: Clients

    /// Adds a client; it speaks when `settle` is called.
    package func addClient(_ settings: ClientSettings, path: NetworkPath) -> Client {
        let client = Client(
            session: ClientSession(settings: settings, now: self.moment, random: &self.random), path: path)
        self.clients.append(client)
        self.byPath[path] = client
        self.tick(client)
        return client
    }

    /// Moves a client to another address.
    package func move(_ client: Client, to path: NetworkPath) {
        self.byPath[client.path] = nil
        client.path = path
        self.byPath[path] = client
    }

    /// Lets a client do what is due.
    package func tick(_ client: Client) {
        var actions: [ClientAction] = []
        client.session.tick(context: self.context, actions: &actions)
        self.perform(actions, of: client)
    }

    package func renegotiate(_ client: Client) {
        var actions: [ClientAction] = []
        client.session.renegotiate(context: self.context, actions: &actions)
        self.perform(actions, of: client)
        self.tick(client)
    }

    /// Writes a message in a client's TLS of one key id.
    package func say(_ message: [UInt8], by client: Client, on keyID: KeyID = .initial) {
        self.perform([.tls(keyID, .write(message))], of: client)
        self.tick(client)
    }

    private func perform(_ actions: [ClientAction], of client: Client) {
        var waiting = actions[...]
        while let action = waiting.popFirst() {
            switch action {
            case .send(let packet):
                client.sentDatagrams += 1
                self.inFlight.append(Datagram(direction: .toServer, bytes: packet, path: client.path))
            case .tls(let keyID, let command):
                waiting = self.perform(command, keyID: keyID, of: client) + waiting
            case .live(let options): client.options = options
            case .ended(let text): client.farewell = text
            case .ping, .dataKeysChanged: break
            }
        }
    }

    private func perform(_ command: TLSCommand, keyID: KeyID, of client: Client) -> ArraySlice<ClientAction> {
        switch command {
        case .open: client.tls[keyID] = ScriptedTLS(role: .client, random: &self.random)
        case .close: client.tls[keyID] = nil
        case .feed, .write: break
        }
        guard let output = client.tls[keyID]?.perform(command, random: &self.random) else { return [] }
        var actions: [ClientAction] = []
        client.session.tlsProgress(
            keyID, output, context: self.context, random: &self.random, actions: &actions)
        client.session.tick(context: self.context, actions: &actions)
        return actions[...]
    }

    // MARK: Server

    /// The server's session with a client.
    package func serverSession(of client: Client) -> ServerSession? {
        self.server.sessions.compactMap { $0 }.first { $0.clientSession == client.session.session }
    }

    /// Answers a login that waits.
    ///
    /// - Returns: Whether the session took the answer.
    package func decide(_ question: Question, _ decision: LoginDecision) -> Bool {
        self.server.decide(question.handle, question.ticket, decision, now: self.moment)
    }

    private func workOff() {
        while case let outputs = self.server.takeOutputs(), !outputs.isEmpty {
            for output in outputs {
                switch output {
                case .send(let packet, let path):
                    self.sent.append((packet, path))
                    self.inFlight.append(Datagram(direction: .toClient, bytes: packet, path: path))
                case .session(let slot, let handle, let action):
                    self.perform(action, slot: slot, handle: handle)
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
            if self.serverTLS[handle]?.isEmpty == true { self.serverTLS[handle] = nil }
        case .tls(let keyID, let command):
            guard let output = self.serverTLS[handle]?[keyID]?.perform(command, random: &self.random) else { return }
            self.server.tlsProgress(slot: slot, handle: handle, keyID: keyID, output, now: self.moment)
        case .authorize(let ticket, let request):
            if let decision = self.authorizer(request) {
                _ = self.server.decide(handle, ticket, decision, now: self.moment)
            } else {
                self.questions.append(Question(handle: handle, ticket: ticket, request: request))
            }
        case .ping: self.pings += 1
        case .live: self.live.append(handle)
        case .ended(let reason): self.ended.append((handle, reason))
        case .send, .dataKeysChanged: break
        }
    }

    // MARK: Time and network

    /// Delivers until nothing is in flight.
    package func settle() {
        repeat {
            let datagrams = self.inFlight
            self.inFlight = []
            for datagram in datagrams where !self.isLost(datagram.direction, datagram.bytes) { self.deliver(datagram) }
            self.workOff()
            self.server.flush(now: self.moment)
            self.workOff()
        } while !self.inFlight.isEmpty
    }

    private func deliver(_ datagram: Datagram) {
        switch datagram.direction {
        case .toServer:
            self.server.receive(datagram.bytes, path: datagram.path, now: self.moment)
        case .toClient:
            guard let client = self.byPath[datagram.path] else { return }
            var actions: [ClientAction] = []
            client.session.receive(datagram.bytes, context: self.context, actions: &actions)
            self.perform(actions, of: client)
            self.tick(client)
        }
    }

    /// Brings a datagram to the server, and settles.
    package func inject(_ packet: [UInt8], from path: NetworkPath) {
        self.server.receive(packet, path: path, now: self.moment)
        self.settle()
    }

    /// Lets time pass, deadline by deadline.
    package func advance(by duration: Duration) {
        let end = self.now.advanced(by: duration)
        self.settle()
        while true {
            let deadlines = self.clients.compactMap(\.session.nextDeadline) + [self.server.nextDeadline() ?? end]
            // A millisecond at a time at least, as drivers do.
            let next = max(deadlines.min() ?? end, self.now.advanced(by: .milliseconds(1)))
            guard next < end else { break }
            self.now = next
            self.step()
        }
        self.now = end
        self.step()
    }

    private func step() {
        self.server.tick(now: self.moment)
        for client in self.clients where (client.session.nextDeadline ?? self.now) <= self.now { self.tick(client) }
        self.settle()
    }
}

// MARK: - Data packets

extension EndpointRig {
    /// The client sends one data packet. Nobody encrypts: keys are compared instead.
    ///
    /// - Returns: Whether the server took it.
    package func sendData(from client: Client, path: NetworkPath? = nil) -> Bool {
        guard let taken = client.session.data.takeSlot(bytes: 100, now: self.now) else { return false }
        return self.deliver(taken, from: client, path: path ?? client.path)
    }

    /// Brings a packet of the client's to the server, now or again.
    package func deliver(_ taken: DataChannel.Slot, from client: Client, path: NetworkPath) -> Bool {
        let peerID = client.session.data.peerID
        guard let slot = peerID.map({ self.server.slot(peerID: $0) }) ?? self.server.slot(path: path),
            let key = client.session.data.index(of: taken.keyID),
            let index = self.server.sessions[slot]?.data.index(of: taken.keyID),
            self.server.sessions[slot]?.data.keys[index].keys.opening == client.session.data.keys[key].keys.sealing
        else { return false }
        return self.server.receivedData(
            slot: slot, packetID: taken.packetID, keyIndex: index, bytes: 100, path: path, now: self.now)
    }

    /// The server sends one data packet.
    ///
    /// - Returns: Whether the client took it.
    package func sendData(to client: Client) -> Bool {
        guard let slot = self.serverSession(of: client).flatMap({ self.server.slot(handle: $0.handle) }),
            let taken = self.server.takeDataSlot(slot: slot, bytes: 100, now: self.now),
            let data = self.server.sessions[slot]?.data, let key = data.index(of: taken.keyID),
            let index = client.session.data.index(of: taken.keyID),
            client.session.data.keys[index].keys.opening == data.keys[key].keys.sealing
        else { return false }
        return client.session.received(packetID: taken.packetID, keyIndex: index, bytes: 100, now: self.now)
    }
}
