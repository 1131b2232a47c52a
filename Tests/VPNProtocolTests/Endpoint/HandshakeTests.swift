import ProtocolTestKit
import SimulationKit
import Testing
import VPNFormats

@testable import VPNProtocol

@Suite struct HandshakeCookieTests {
    private let crypto = TestCryptography()
    private let cookie = HandshakeCookie(key: [UInt8](repeating: 7, count: 32))
    private let time: UInt64 = 1_700_000_010

    private func address(_ text: String) throws -> SocketAddress { try #require(SocketAddress(text)) }
    private func session(_ value: UInt64) throws -> SessionID { try #require(SessionID(rawValue: value)) }

    @Test(
        "A cookie is good for its client, address, port and time alone",
        arguments: [
            ("203.0.113.1:40000", 1, 0, 7, true), ("203.0.113.1:40000", 1, 29, 7, true),
            ("203.0.113.1:40000", 1, 60, 7, true),
            // Another address, family, port, client; too old; from the future; another server's.
            ("203.0.113.2:40000", 1, 0, 7, false), ("[::ffff:203.0.113.1]:40000", 1, 0, 7, false),
            ("203.0.113.1:40001", 1, 0, 7, false), ("203.0.113.1:40000", 2, 0, 7, false),
            ("203.0.113.1:40000", 1, 90, 7, false), ("203.0.113.1:40000", 1, 120, 7, false),
            ("203.0.113.1:40000", 1, -30, 7, false), ("203.0.113.1:40000", 1, 0, 8, false),
        ] as [(String, UInt64, Int, UInt8, Bool)])
    func verification(address: String, client: UInt64, later: Int, key: UInt8, isGood: Bool) throws {
        let issued = self.cookie.issue(
            remote: try self.address("203.0.113.1:40000"), client: try self.session(1), unixSeconds: self.time,
            crypto: self.crypto)
        let other = HandshakeCookie(key: [UInt8](repeating: key, count: 32))
        let isAccepted = other.verify(
            issued, remote: try self.address(address), client: try self.session(client),
            unixSeconds: UInt64(Int(self.time) + later), crypto: self.crypto)
        #expect(isAccepted == isGood)
    }

    @Test("No changed bit of a cookie is accepted, at the beginning of time neither")
    func changedBits() throws {
        let remote = try self.address("[2001:db8::1]:1194")
        let client = try self.session(77)
        for time in [0, 29, 30, 60, self.time] {
            let issued = self.cookie.issue(remote: remote, client: client, unixSeconds: time, crypto: self.crypto)
            for bit in 0..<64 as Range<UInt64> {
                guard let changed = SessionID(rawValue: issued.rawValue ^ 1 << bit) else { continue }
                let isAccepted = self.cookie.verify(
                    changed, remote: remote, client: client, unixSeconds: time, crypto: self.crypto)
                #expect(!isAccepted)
            }
        }
    }
}

@Suite struct HalfOpenTableTests {
    private func at(_ seconds: UInt64) -> Instant { Instant(nanoseconds: (100 + seconds) * 1_000_000_000) }
    private func session(_ value: UInt64) throws -> SessionID { try #require(SessionID(rawValue: value)) }

    @Test("A key is found for its client at its address, for 10 seconds, until it is taken")
    func finding() throws {
        var table = HalfOpenTable()
        let client = try self.session(1)
        let remote = Fixture.path(1).remote
        table.insert(client, key: try Fixture.ownKey(), remote: remote, limit: 4, now: self.at(0))
        #expect(table.key(client, remote: remote, now: self.at(9)) == (try Fixture.ownKey()))
        #expect(table.key(client, remote: remote, now: self.at(10)) == nil)
        #expect(table.key(client, remote: Fixture.path(2).remote, now: self.at(0)) == nil)
        #expect(table.key(try self.session(2), remote: remote, now: self.at(0)) == nil)
        table.remove(client, remote: remote)
        #expect(table.key(client, remote: remote, now: self.at(0)) == nil && table.count == 0)
    }

    @Test("Whoever repeats a client's packet from another address takes nothing away from it")
    func repeated() throws {
        var table = HalfOpenTable()
        let client = try self.session(1)
        table.insert(client, key: try Fixture.ownKey(), remote: Fixture.path(1).remote, limit: 4, now: self.at(0))
        table.insert(client, key: try Fixture.ownKey(9), remote: Fixture.path(2).remote, limit: 4, now: self.at(1))
        #expect(table.key(client, remote: Fixture.path(1).remote, now: self.at(1)) == (try Fixture.ownKey()))
    }

    @Test("There are never more than the limit, and none is left after 10 seconds")
    func bounds() throws {
        var table = HalfOpenTable()
        for number in 1...1_000 as ClosedRange<UInt64> {
            table.insert(
                try self.session(number % 50 + 1), key: try Fixture.ownKey(), remote: Fixture.path(Int(number)).remote,
                limit: 16, now: self.at(0))
            #expect(table.count <= 16)
        }
        #expect(table.key(try self.session(1), remote: Fixture.path(1_000).remote, now: self.at(0)) != nil)
        table.expire(now: self.at(10))
        #expect(table.count == 0)
        table.insert(
            try self.session(1), key: try Fixture.ownKey(), remote: Fixture.path().remote, limit: 0, now: self.at(0))
        #expect(table.count == 0)
    }

    @Test("An entry that was made anew lives its whole time")
    func renewed() throws {
        var table = HalfOpenTable()
        let client = try self.session(1)
        let remote = Fixture.path().remote
        table.insert(client, key: try Fixture.ownKey(), remote: remote, limit: 4, now: self.at(0))
        table.insert(client, key: try Fixture.ownKey(2), remote: remote, limit: 4, now: self.at(5))
        table.expire(now: self.at(12))
        #expect(table.key(client, remote: remote, now: self.at(12)) == (try Fixture.ownKey(2)))
    }
}

@Suite struct TimerQueueTests {
    private func at(_ value: UInt64) -> Instant { Instant(nanoseconds: value) }

    @Test("Slots come out in order of their last deadline, each once, whatever was scheduled before")
    func model() {
        var random = SeededGenerator(forTest: "timer queue")
        var queue = TimerQueue()
        var model: [Int: UInt64] = [:]
        for step in 0..<20_000 {
            let slot = Int.random(in: 0..<40, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0:
                queue.schedule(slot, at: nil)
                model[slot] = nil
            case 1:
                let now = UInt64.random(in: 0...1_000, using: &random)
                let popped = queue.popDue(now: self.at(now))
                if let popped {
                    #expect(model[popped] == model.values.min() && (model[popped] ?? .max) <= now, "step \(step)")
                    model[popped] = nil
                } else {
                    #expect((model.values.min() ?? .max) > now, "step \(step)")
                }
            default:
                let deadline = UInt64.random(in: 0...1_000, using: &random)
                queue.schedule(slot, at: self.at(deadline))
                model[slot] = deadline
            }
            #expect(queue.next()?.nanoseconds == model.values.min(), "step \(step)")
        }
    }
}

@Suite struct StrangerTests {
    /// The first packet of a client that never goes on.
    private func firstPacket(_ settings: ClientSettings, seed: UInt64) -> (SessionID, [UInt8]) {
        var random = SeededRandom(seed: seed)
        let moment = Moment(instant: Instant(nanoseconds: 1), unixSeconds: 1_700_000_000)
        var session = ClientSession(settings: settings, now: moment, random: &random)
        var actions: [ClientAction] = []
        session.tick(
            context: SessionContext(settings: Fixture.settings(), crypto: Fixture.crypto, now: moment),
            actions: &actions)
        guard case .send(let packet)? = actions.first else { return (session.session, []) }
        return (session.session, packet)
    }

    @Test(
        "A stranger's packet gets one answer at most, no more than 16 bytes longer, and leaves nothing behind",
        arguments: ClientGeneration.allCases, [false, true])
    func amplification(generation: ClientGeneration, ownKey: Bool) throws {
        let rig = try Fixture.rig()
        let (_, packet) = self.firstPacket(try Fixture.client(generation, ownKey: ownKey), seed: 5)
        rig.inject(packet, from: Fixture.path())
        #expect(rig.sent.count == 1)
        #expect(try #require(rig.sent.first).bytes.count <= packet.count + 16)
        rig.advance(by: .seconds(120))
        #expect(rig.sent.count == 1 && rig.server.sessionCount == 0)
    }

    @Test("Every other opcode, key id and content under the right key gets no answer and no session")
    func otherPackets() throws {
        let rig = try Fixture.rig()
        let client = rig.addClient(try Fixture.client(), path: Fixture.path())
        let someone = try #require(SessionID(rawValue: 99))
        var id: UInt32 = 10
        for opcode in Opcode.allCases where !opcode.isData {
            for kid in 0..<8 as Range<UInt8> {
                for body in [
                    ControlBody(messageID: 0, payload: [1, 2, 3]), ControlBody(messageID: 1),
                    ControlBody(messageID: 0, acknowledging: [0], remoteSession: someone),
                    ControlBody(messageID: 1, acknowledging: [0, 1], remoteSession: someone, payload: [22, 3, 1]),
                    ControlBody(acknowledging: [0], remoteSession: someone), ControlBody(messageID: .max),
                ] {
                    let isReset = opcode == .hardResetClientV2 && kid == 0
                    if isReset, body.messageID == 0, body.acknowledgements.isEmpty { continue }
                    id += 1
                    let packet = rig.forge(client, opcode, keyID: try .number(kid), id: id, body: body)
                    rig.server.receive(packet, path: Fixture.path(3), now: rig.moment)
                }
            }
        }
        #expect(rig.server.takeOutputs().isEmpty)
        #expect(rig.server.sessionCount == 0)
        #expect(rig.server.drops[.cookie] > 0 && rig.server.drops[.unknownSession] > 0)
    }

    @Test("The proof of one address is none for another")
    func proofElsewhere() throws {
        let rig = try Fixture.rig()
        var proofs: [[UInt8]] = []
        rig.isLost = { direction, packet in
            guard direction == .toServer, packet.first.map({ $0 >> 3 != 7 }) == true else { return false }
            proofs.append(packet)
            return true
        }
        _ = rig.addClient(try Fixture.client(), path: Fixture.path(1))
        rig.settle()
        let proof = try #require(proofs.first)
        rig.isLost = { _, _ in false }
        rig.inject(proof, from: Fixture.path(2))
        rig.inject(proof, from: Fixture.path(1, port: 40_001))
        #expect(rig.server.sessionCount == 0 && rig.server.drops[.cookie] == 2)
        rig.inject(proof, from: Fixture.path(1))
        #expect(rig.server.sessionCount == 1)
    }

    @Test("A server that shuts down answers no stranger")
    func shutDown() throws {
        let rig = try Fixture.rig()
        rig.server.acceptsStrangers = false
        rig.inject(self.firstPacket(try Fixture.client(), seed: 1).1, from: Fixture.path())
        #expect(rig.sent.isEmpty && rig.server.drops[.full] == 1)
    }

    @Test("Sessions that never finish are bounded, and gone after the handshake window")
    func connectingLimit() throws {
        let rig = try Fixture.rig(limits: EndpointLimits(maximumConnecting: 10), authorizer: { _ in nil })
        for number in 0..<30 { _ = rig.addClient(try Fixture.client(), path: Fixture.path(number)) }
        rig.settle()
        #expect(rig.server.sessionCount == 10)
        #expect(rig.server.drops[.full] > 0)
        rig.isLost = { _, _ in true }
        rig.advance(by: .seconds(70))
        #expect(rig.server.sessionCount == 0 && rig.server.connecting.isEmpty && rig.serverTLS.isEmpty)
        #expect(rig.ended.count == 10 && rig.ended.allSatisfy { $0.reason == .handshakeTimeout })
    }

    private enum Flood: CaseIterable { case none, garbage, replays }

    @Test("A thousand clients behind one address all get in within 5 seconds, flooded or not", arguments: 0..<3)
    func thousandClients(kind: Int) throws {
        let flood = Flood.allCases[kind]
        var clientsOfBefore: [[UInt8]] = []
        if case .replays = flood {
            let settings = try Fixture.client()
            clientsOfBefore = (0..<300).map { self.firstPacket(settings, seed: 1_000 + UInt64($0)).1 }
        }
        let rig = try Fixture.rig(authorizer: { _ in .admit(Fixture.grant()) })
        var random = SeededGenerator(seed: 4)
        let settings = try Fixture.client(.openVPN26)
        var clients: [EndpointRig.Client] = []
        for tick in 0..<100 {
            for number in 0..<10 {
                clients.append(rig.addClient(settings, path: Fixture.path(1, port: UInt16(2_000 + tick * 10 + number))))
            }
            // 2,000 a second from the same network.
            for number in 0..<100 {
                let path = Fixture.path(Int(random.next() % 256), port: UInt16(20_000 + tick * 100 + number))
                switch flood {
                case .none: break
                case .garbage: rig.server.receive([7 << 3] + random.bytes(60), path: path, now: rig.moment)
                case .replays:
                    rig.server.receive(clientsOfBefore[Int(random.next() % 300)], path: path, now: rig.moment)
                }
            }
            rig.settle()
            rig.now = rig.now.advanced(by: .milliseconds(49))
        }
        #expect(clients.allSatisfy { $0.session.isLive })
        #expect(rig.live.count == 1_000)
    }

    @Test("Noise that verifies under no key costs a client none of its answers")
    func noise() throws {
        let rig = try Fixture.rig(
            limits: EndpointLimits(
                repliesPerPrefix: RateLimit(perSecond: 0, burst: 1), repliesInAll: RateLimit(perSecond: 0, burst: 1),
                repliesPerClient: RateLimit(perSecond: 0, burst: 1)))
        let (session, packet) = self.firstPacket(try Fixture.client(), seed: 2)
        var random = SeededGenerator(forTest: "noise")
        for _ in 0..<500 { rig.inject([packet[0]] + session.bytes + random.bytes(45), from: Fixture.path()) }
        #expect(rig.server.drops[.wrapping] == 500)
        rig.inject(packet, from: Fixture.path())
        #expect(rig.sent.count == 1)
        rig.inject(packet, from: Fixture.path())
        #expect(rig.sent.count == 1 && rig.server.drops[.replayed] == 1)
    }
}

@Suite struct ReplyLimiterTests {
    private let start = Instant(nanoseconds: 1_000_000_000)

    private func session(_ value: UInt64) throws -> SessionID { try #require(SessionID(rawValue: value)) }

    private func limits(prefix: Double = 1e9, all: Double = 1e9, client: Double = 1e9) -> EndpointLimits {
        EndpointLimits(
            repliesPerPrefix: RateLimit(perSecond: 1, burst: prefix), repliesInAll: RateLimit(perSecond: 1, burst: all),
            repliesPerClient: RateLimit(perSecond: 1, burst: client))
    }

    /// How many of a row of packets are answered.
    private func answered(
        _ limits: EndpointLimits, count: Int, at seconds: UInt64 = 0, limiter: inout ReplyLimiter,
        client: (Int) -> UInt64 = { UInt64($0) + 1 }, path: (Int) -> NetworkPath = { _ in Fixture.path() }
    ) throws -> Int {
        try (0..<count).count { number in
            limiter.refusal(
                path(number).remote, client: try self.session(client(number)),
                packetID: LongPacketID(id: UInt32(number) + 1, time: UInt32(seconds)), limits: limits,
                now: self.start.advanced(by: .seconds(Int64(seconds)))) == nil
        }
    }

    @Test("Client, prefix and everyone together have a burst, and get one a second after it", arguments: 0..<3)
    func buckets(kind: Int) throws {
        let limits = [self.limits(prefix: 5), self.limits(all: 5), self.limits(client: 5)][kind]
        let client: (Int) -> UInt64 = kind == 2 ? { _ in 7 } : { UInt64($0) + 1 }
        var limiter = ReplyLimiter(limits: limits, now: self.start)
        #expect(try self.answered(limits, count: 40, limiter: &limiter, client: client) == 5)
        #expect(try self.answered(limits, count: 40, at: 3, limiter: &limiter, client: client) == 3)
        #expect(try self.answered(limits, count: 40, at: 100, limiter: &limiter, client: client) == 5)
    }

    @Test("One prefix uses up nothing of another's, IPv4 or IPv6")
    func prefixes() throws {
        let limits = self.limits(prefix: 3)
        var limiter = ReplyLimiter(limits: limits, now: self.start)
        #expect(try self.answered(limits, count: 9, limiter: &limiter) == 3)
        for (number, text) in ["198.51.100.1:9", "[2001:db8::1]:9", "[2001:db8:0:100::1]:9"].enumerated() {
            let path = NetworkPath(remote: try #require(SocketAddress(text)))
            let count = try self.answered(
                limits, count: 9, limiter: &limiter, client: { UInt64(1_000 * (number + 1) + $0) }, path: { _ in path })
            #expect(count == 3)
        }
    }

    @Test("A packet is answered once, an older one of the same client not at all")
    func replays() throws {
        let limits = self.limits()
        var limiter = ReplyLimiter(limits: limits, now: self.start)
        let client = try self.session(1)
        var refusals: [DropReason?] = []
        for id in [4, 4, 3, 5, 4] as [UInt32] {
            refusals.append(
                limiter.refusal(
                    Fixture.path().remote, client: client, packetID: LongPacketID(id: id, time: 9), limits: limits,
                    now: self.start))
        }
        #expect(refusals == [nil, .replayed, .replayed, nil, .replayed])
    }

    @Test("However many others there are, a client that comes for the first time has its own burst")
    func neighbours() throws {
        let limits = self.limits(client: 2)
        var limiter = ReplyLimiter(limits: limits, now: self.start)
        for round in 0..<3 {
            let count = try self.answered(
                limits, count: 30_000, at: UInt64(round), limiter: &limiter,
                client: { UInt64(round * 30_000 + $0 + 1) })
            #expect(count == 30_000)
        }
    }
}
