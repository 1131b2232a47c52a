import ProtocolTestKit
import VPNFormats
import VPNProtocol

extension Targets {
    /// The endpoint and its sessions as a whole: what is behind the wrapping, the TLS and the written-out form.
    static let endpoint: [Target] = [datagrams, wrappedBodies, plaintextRecords, sessionRecords]

    /// Datagrams as they come, from nobody in particular.
    private static let datagrams = Target(
        name: "endpoint-datagram",
        samples: [FuzzedServer.firstPacket()]
    ) { input in
        var server = FuzzedServer()
        return try server.receive(input)
    }

    /// Bodies of control packets, wrapped with the right key: to a server that knows nobody, then to a session.
    private static let wrappedBodies = Target(
        name: "endpoint-body",
        samples: [
            bytes("07 00 00000000"), bytes("04 00 00000002 160301"), bytes("05 00"), bytes("23 00 00000000"),
        ]
    ) { input in
        guard let first = input.first, let opcode = Opcode(rawValue: first & 15), !opcode.isData else { return false }
        let header = PacketHeader(opcode, KeyID(rawValue: first >> 5) ?? .initial)
        var stranger = FuzzedServer()
        let isAnswered = try stranger.receive(FuzzedServer.wrap(header, Array(input.dropFirst()), id: 1))
        var live = try FuzzedServer.live.get()
        let packet = FuzzedServer.wrap(header, Array(input.dropFirst()), id: 0x100)
        let drops = live.endpoint.drops
        live.endpoint.receive(packet, path: FuzzedServer.path, now: live.moment)
        let isTaken = live.endpoint.drops == drops
        try live.settle()
        return isAnswered || isTaken
    }

    /// Records of plaintext: as the key method message, then as a control message of a live session.
    private static let plaintextRecords = Target(
        name: "endpoint-plaintext",
        samples: [FuzzedServer.keyMessage(), Array("PUSH_REQUEST\0".utf8), Array("EXIT\0".utf8)]
    ) { input in
        var server = try FuzzedServer.connected.get()
        server.feed(record: input)
        let isRead = server.endpoint.sessions.first.flatMap { $0 }?.peerInfo.entries.isEmpty == false
        try server.settle()
        var live = try FuzzedServer.live.get()
        live.feed(record: input)
        try live.settle()
        return isRead || !ControlMessage.messages(in: input).isEmpty
    }

    /// Sessions that were written out.
    private static let sessionRecords = Target(
        name: "session-record", samples: FuzzedServer.records()
    ) { input in
        guard let session = try? ServerSession(decoding: input) else { return false }
        guard (try? ServerSession(decoding: session.encoded())) != nil else {
            throw Violation("a session that was read in does not read in again")
        }
        var server = FuzzedServer()
        _ = server.endpoint.resume([input], now: server.moment)
        server.endpoint.tick(now: server.moment)
        try server.settle()
        return true
    }
}

/// A server with one shared key and at most one client, without TLS: what TLS would give is put in by hand.
struct FuzzedServer {
    static let path = NetworkPath(remote: SocketAddress(ip: .v4(IPv4Address(bits: 0xC633_640A)), port: 5_000))
    /// Far more than an honest exchange needs in one go.
    private static let outputLimit = 1_000
    private static let crypto = TestCryptography()
    private static let client = SessionID(rawValue: 0xF419_CB12_D1F9_E48F)

    /// A server whose client's TLS stands, and one whose client is in: made once, each input gets a copy.
    static let connected = Result {
        var server = FuzzedServer()
        try server.connect()
        return server
    }
    static let live = Result {
        var server = FuzzedServer()
        try server.goLive()
        return server
    }

    var endpoint: ServerEndpoint<SeededGenerator>
    let moment = Moment(instant: Instant(nanoseconds: 1_000_000_000_000), unixSeconds: 1_700_000_000)

    init() {
        let settings = ServerSettings(tunnel: TunnelNetwork(ipv4: IPv4Prefix("10.99.0.0/24")))
        self.endpoint = ServerEndpoint(
            settings: settings, wrapping: WrappingKeys(tlsCrypt: [Targets.staticKey]), limits: EndpointLimits(),
            cookieKey: [UInt8](repeating: 3, count: 32), crypto: Self.crypto, random: SeededGenerator(seed: 1),
            now: self.moment)
    }

    static func wrap(_ header: PacketHeader, _ body: [UInt8], id: UInt32) -> [UInt8] {
        guard let client else { return [] }
        return ControlWrap(key: Targets.staticKey, role: .client).seal(
            header: header, session: client, packetID: LongPacketID(id: id, time: 1_700_000_000), body: body,
            crypto: crypto)
    }

    static func firstPacket() -> [UInt8] {
        self.wrap(PacketHeader(.hardResetClientV2, .initial), ControlBody(messageID: 0).bytes, id: 1)
    }

    static func keyMessage() -> [UInt8] {
        var random = SeededGenerator(seed: 2)
        guard let options = OCCOptions(text: "V4,dev-type tun,tun-mtu 1500,proto UDPv4,tls-client") else { return [] }
        return ClientKeyMessage(
            preMaster: random.bytes(ClientKeyMessage.preMasterBytes), random: KeyExchangeRandom(using: &random),
            options: options, credentials: Credentials(username: "user", password: "password"),
            peerInfo: PeerInfo(["IV_VER": "2.6.14", "IV_PROTO": "478", "IV_CIPHERS": "AES-256-GCM"])
        )?.bytes ?? []
    }

    /// One session in each stage, written out.
    static func records() -> [[UInt8]] {
        var connecting = FuzzedServer()
        var live = FuzzedServer()
        guard (try? connecting.connect()) != nil, (try? live.goLive()) != nil else { return [[1]] }
        return [connecting, live].flatMap { $0.endpoint.sessions.compactMap { $0?.encoded() } }
    }

    /// Gives the endpoint a datagram of a stranger's: it may answer once, with little more than came.
    mutating func receive(_ packet: [UInt8]) throws -> Bool {
        self.endpoint.receive(packet, path: Self.path, now: self.moment)
        let answers = self.endpoint.takeOutputs()
        guard answers.count <= 1 else { throw Violation("\(answers.count) answers to one packet of a stranger") }
        guard case .send(let answer, _)? = answers.first else { return false }
        guard answer.count <= packet.count + 16 else {
            throw Violation("\(answer.count) bytes answer \(packet.count) of a stranger")
        }
        return true
    }

    /// Lets the client prove its address, and TLS stand.
    mutating func connect() throws {
        self.endpoint.receive(Self.firstPacket(), path: Self.path, now: self.moment)
        guard case .send(let answer, _)? = self.endpoint.takeOutputs().first,
            let opened = ControlWrap(key: Targets.staticKey, role: .client).open(answer, crypto: Self.crypto)
        else { throw Violation("the first packet is not answered") }
        let proof = ControlBody(messageID: 1, acknowledging: [0], remoteSession: opened.session, payload: [22, 3, 1])
        self.endpoint.receive(
            Self.wrap(PacketHeader(.control, .initial), proof.bytes, id: 2), path: Self.path, now: self.moment)
        guard let session = self.endpoint.sessions.first.flatMap({ $0 }) else { throw Violation("no session is made") }
        let facts = TLSFacts(
            dataKeyMaterial: [UInt8](repeating: 5, count: 256), dynamicWrapMaterial: [UInt8](repeating: 6, count: 256),
            peerCertificate: [0x30], version: "TLSv1.3")
        self.endpoint.tlsProgress(
            slot: 0, handle: session.handle, keyID: .initial, TLSOutput(status: .established(facts)), now: self.moment)
    }

    /// Lets the client in.
    mutating func goLive() throws {
        try self.connect()
        self.feed(record: Self.keyMessage())
        let grant = Grant(name: "user", ipv4: IPv4Address("10.99.0.2"), ipv6: nil)
        for output in self.endpoint.takeOutputs() {
            if case .session(_, let handle, .authorize(let ticket, _)) = output {
                _ = self.endpoint.decide(handle, ticket, .admit(grant), now: self.moment)
            }
        }
        guard self.endpoint.sessions.first.flatMap({ $0 })?.isLive == true else {
            throw Violation("an admitted session is not live")
        }
        try self.settle()
    }

    mutating func feed(record: [UInt8]) {
        guard let session = self.endpoint.sessions.first.flatMap({ $0 }) else { return }
        self.endpoint.tlsProgress(
            slot: 0, handle: session.handle, keyID: .initial, TLSOutput(records: [record]), now: self.moment)
    }

    /// Takes what was put out; there must be an end to it.
    mutating func settle() throws {
        self.endpoint.flush(now: self.moment)
        let count = self.endpoint.takeOutputs().count
        guard count <= Self.outputLimit else { throw Violation("\(count) outputs after one input") }
    }
}
