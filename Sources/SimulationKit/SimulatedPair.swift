import VPNFormats
public import VPNProtocol

/// A server endpoint and a client session on a bad network in virtual time, with scripted TLS and readable data packets.
/// Checks what must hold whatever happens: no packet id used twice under one key, no payload delivered twice, none lost
/// on a clean network through any renegotiation, and a session that lives at the end.
public final class SimulatedPair {
    /// What a run did, for tests that want to see that it did something.
    public struct Outcome: Sendable {
        /// When the client had its configuration; nil: never.
        public var wentLiveAfter: Duration?
        /// Payloads that the client took in.
        public var clientPayloads = 0
        /// Payloads that the server took in.
        public var serverPayloads = 0
        /// Key exchanges that the client finished.
        public var keyExchanges = 0
    }

    enum Event {
        case toServer([UInt8])
        case toClient([UInt8])
        case decide(SessionHandle, LoginTicket)
        case wakeServer
        case wakeClient
        case traffic
        case takeOver
    }

    static let trafficInterval = Duration.milliseconds(100)

    let scenario: PairScenario
    let crypto: any KeyDerivationCryptography
    var random: SeededRandom
    var agenda = Agenda<Event>()
    var now: Instant
    let start: Instant
    var outcome = Outcome()

    var server: ServerEndpoint<SeededRandom>
    var serverTLS: [SessionHandle: [KeyID: ScriptedTLS]] = [:]
    var client: ClientSession
    var clientTLS: [KeyID: ScriptedTLS] = [:]
    let path = NetworkPath(remote: SocketAddress(ip: .v4(IPv4Address(bits: 0xCB00_7102)), port: 40_000))

    /// Sessions of the server that have been live.
    var wasLive: Set<SessionHandle> = []

    var ledger = PacketLedger()
    var serverWakeAt: Instant?
    var clientWakeAt: Instant?
    var failure: SimulationFailure?
    private let configuration: (ServerSettings, WrappingKeys)

    /// Makes both ends; nothing happens before ``run()``.
    public init(_ scenario: PairScenario, crypto: any KeyDerivationCryptography) throws {
        self.scenario = scenario
        self.crypto = crypto
        self.random = SeededRandom(seed: scenario.seed &+ 1)
        self.start = Instant(nanoseconds: 1_000_000_000_000)
        self.now = self.start
        let keyBytes = (0..<StaticKey.byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 3) }
        let clientKey = try StaticKey(bytes: keyBytes)
        let serverKey = try TLSCryptV2ServerKey(bytes: (0..<128).map { UInt8($0) })
        var wrapping = WrappingKeys()
        var wrappedKey: [UInt8]?
        switch scenario.wrapping {
        case .tlsCrypt:
            wrapping.tlsCrypt = [clientKey]
        case .tlsCryptV2, .tlsCryptV2Once:
            wrapping.tlsCryptV2 = [serverKey]
            wrappedKey = try WrappedClientKey.seal(key: clientKey, metadata: nil, serverKey: serverKey, crypto: crypto)
        }
        let settings = ServerSettings(
            handshakeWindow: scenario.handshakeWindow, renegotiateAfter: scenario.serverRenegotiates,
            transitionWindow: .seconds(60), retransmitAfter: .seconds(1), linger: .seconds(2),
            tunnel: TunnelNetwork(ipv4: IPv4Prefix("10.99.0.0/24")))
        self.configuration = (settings, wrapping)
        self.server = Self.makeServer(settings, wrapping, crypto: crypto, seed: scenario.seed, now: self.start)
        guard let options = OCCOptions(text: "V4,dev-type tun,link-mtu 1541,tun-mtu 1500,proto UDPv4,tls-client") else {
            throw SimulationFailure(scenario: scenario, at: .zero, message: "the options string does not parse")
        }
        self.client = ClientSession(
            settings: ClientSettings(
                wrapKey: clientKey, wrappedKey: wrappedKey,
                announcesEarlyNegotiation: scenario.wrapping != .tlsCryptV2Once,
                credentials: Credentials(username: "user", password: "password"),
                peerInfo: PeerInfo([
                    "IV_VER": "2.6.14", "IV_PROTO": "\(scenario.clientFlags.rawValue)",
                    "IV_CIPHERS": "AES-256-GCM:AES-128-GCM",
                ]),
                options: options, handshakeWindow: scenario.handshakeWindow,
                renegotiateAfter: scenario.clientRenegotiates, retransmitAfter: .seconds(1)),
            now: Moment(instant: self.start, unixSeconds: 1_700_000_000), random: &self.random)
    }

    private static func makeServer(
        _ settings: ServerSettings, _ wrapping: WrappingKeys, crypto: any KeyDerivationCryptography, seed: UInt64,
        now: Instant
    ) -> ServerEndpoint<SeededRandom> {
        ServerEndpoint(
            settings: settings, wrapping: wrapping, limits: EndpointLimits(),
            cookieKey: [UInt8](repeating: 9, count: 32), crypto: crypto, random: SeededRandom(seed: seed &+ 2),
            now: Moment(instant: now, unixSeconds: 1_700_000_000))
    }

    var elapsed: Duration { self.now.since(self.start) }

    var moment: Moment {
        Moment(instant: self.now, unixSeconds: 1_700_000_000 + UInt64(self.elapsed.components.seconds))
    }

    var context: SessionContext {
        SessionContext(settings: self.configuration.0, crypto: self.crypto, now: self.moment)
    }

    /// Runs the scenario to its end.
    ///
    /// - Throws: ``SimulationFailure``, the first promise found broken.
    public func run() throws(SimulationFailure) -> Outcome {
        self.agenda.add(.wakeClient, at: self.now)
        self.agenda.add(.traffic, at: self.now.advanced(by: Self.trafficInterval))
        if let takesOverAt = self.scenario.takesOverAt {
            self.agenda.add(.takeOver, at: self.start.advanced(by: takesOverAt))
        }
        let end = self.start.advanced(by: self.scenario.length)
        var steps = 0
        while let (at, event) = self.agenda.next(), at <= end {
            self.now = max(self.now, at)
            self.handle(event)
            if let failure { throw failure }
            steps += 1
            guard steps < 200_000 else { throw self.failed("livelock: too many events") }
        }
        try self.judge()
        return self.outcome
    }

    private func handle(_ event: Event) {
        switch event {
        case .toServer(let packet): self.serverReceives(packet)
        case .toClient(let packet): self.clientReceives(packet)
        case .decide(let handle, let ticket): self.decide(handle, ticket)
        case .wakeServer:
            self.serverWakeAt = nil
            self.server.tick(now: self.moment)
        case .wakeClient: self.clientWakeAt = nil
        case .traffic: self.makeTraffic()
        case .takeOver: self.takeOver()
        }
        self.settleServer()
        self.settleClient()
    }

    // MARK: Judging

    func failed(_ message: String) -> SimulationFailure {
        SimulationFailure(scenario: self.scenario, at: self.elapsed, message: message)
    }

    func fail(_ message: String) {
        if self.failure == nil { self.failure = self.failed(message) }
    }

    private func judge() throws(SimulationFailure) {
        guard self.outcome.wentLiveAfter != nil else {
            // With every tenth packet lost a handshake may miss its window; a stock client would begin anew.
            if self.scenario.link.loss > PairScenario.surelyConnectingLoss { return }
            throw self.failed("the client never went live")
        }
        guard self.client.isLive else { throw self.failed("the client is no longer live") }
        let live = self.server.sessions.compactMap { $0 }.filter(\.isLive)
        guard live.count == 1, self.server.sessionCount == 1 else {
            throw self.failed("the server has \(live.count) live of \(self.server.sessionCount) sessions")
        }
        // Every packet that a clean network took, through whatever renegotiation, has arrived.
        if self.scenario.link.loss == 0, self.scenario.takesOverAt == nil {
            try self.expectNothingLost(sent: self.ledger.clientSent, received: self.ledger.serverReceived)
            try self.expectNothingLost(sent: self.ledger.serverSent, received: self.ledger.clientReceived)
        }
        let exchanges = self.scenario.serverRenegotiates ?? self.scenario.clientRenegotiates
        if let exchanges, self.scenario.link.loss == 0, self.scenario.takesOverAt == nil, exchanges < .seconds(25),
            self.outcome.keyExchanges < 2
        {
            throw self.failed("nothing was renegotiated")
        }
    }

    private func expectNothingLost(sent: [UInt64: Instant], received: Set<UInt64>) throws(SimulationFailure) {
        let settled = self.now.since(self.start) - .seconds(1)
        for (number, at) in sent where at.since(self.start) < settled && !received.contains(number) {
            throw self.failed("payload \(number), sent at \(at.since(self.start)), was lost on a clean network")
        }
    }

    // MARK: Taking over

    /// The server's process dies; another goes on with what it wrote out.
    private func takeOver() {
        let records = self.server.exportSessions()
        self.server = Self.makeServer(
            self.configuration.0, self.configuration.1, crypto: self.crypto, seed: self.scenario.seed &+ 77,
            now: self.now)
        self.serverTLS = [:]
        self.serverWakeAt = nil
        let wasLive = self.client.isLive && !records.isEmpty
        let resumed = self.server.resume(records, now: self.moment)
        self.wasLive = Set(resumed.map(\.0))
        if wasLive, resumed.isEmpty { self.fail("a live session was not taken over") }
    }
}

/// Who sent what under which key, and what arrived.
struct PacketLedger {
    private struct Use: Hashable {
        let key: UInt64
        let packetID: UInt32
    }

    private var used: Set<Use> = []
    var clientSent: [UInt64: Instant] = [:]
    var serverSent: [UInt64: Instant] = [:]
    var clientReceived: Set<UInt64> = []
    var serverReceived: Set<UInt64> = []
    var nextNumber: UInt64 = 1

    /// - Returns: False where this key has encrypted a packet of this id before.
    mutating func use(key: UInt64, packetID: UInt32) -> Bool {
        self.used.insert(Use(key: key, packetID: packetID)).inserted
    }
}
