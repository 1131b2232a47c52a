import ProtocolTestKit
import SimulationKit
import Testing
import VPNFormats

@testable import VPNProtocol

@Suite struct SessionStateTests {
    /// Sessions in every state that there is, and of several kinds.
    private func records() throws -> [[UInt8]] {
        var records: [[UInt8]] = []
        for generation in [ClientGeneration.ancient, .openVPN25, .openVPN26] {
            for state in SessionEventTests.State.allCases {
                let (rig, _) = try SessionEventTests().rig(in: state, generation)
                records += rig.server.sessions.compactMap { $0?.encoded() }
            }
        }
        let rig = try Fixture.rig(authorizer: { _ in
            .refuse(Refusal(.temporary(backoffSeconds: 9, advance: .remote), text: "full"))
        })
        _ = rig.addClient(try Fixture.client(.openVPN25), path: Fixture.path())
        rig.settle()
        return records + rig.server.sessions.compactMap { $0?.encoded() }
    }

    @Test("A session in any state reads in as it was written")
    func roundTrip() throws {
        let records = try self.records()
        #expect(records.count == 19)
        for record in records { #expect(try ServerSession(decoding: record).encoded() == record) }
    }

    /// One change of a session for each field, and how to see it.
    private static let changes: [(String, @Sendable (inout ServerSession) throws -> Void)] = [
        ("handle", { $0.handle = SessionHandle(rawValue: 991) }),
        ("phase", { $0.phase = .ending(until: Instant(nanoseconds: 77)) }),
        ("exchange stage", { $0.exchanges[0].stage = .severed }),
        ("exchange bytes", { $0.exchanges[0].unprovenBytes = 55 }),
        ("exchange heard from", { $0.exchanges[0].isHeardFrom.toggle() }),
        ("exchange retirement", { $0.exchanges[0].retireAt = Instant(nanoseconds: 5) }),
        ("exchange renewal", { $0.exchanges[0].renegotiateAt = Instant(nanoseconds: 5) }),
        ("exchange count", { $0.exchangeCount = 40 }),
        ("peer info", { $0.peerInfo = PeerInfo(["IV_VER": "9"]) }),
        ("grant name", { $0.grant?.name = "bob" }),
        ("grant IPv4", { $0.grant?.ipv4 = IPv4Address("10.99.7.7") }),
        ("grant IPv6", { $0.grant?.ipv6 = IPv6Address("fd00::7") }),
        ("server ping", { $0.grant?.keepalive.serverPing = .seconds(3) }),
        ("client ping", { $0.grant?.keepalive.clientPing = 3 }),
        ("client restart", { $0.grant?.keepalive.clientRestart = 3 }),
        ("server timeout", { $0.grant?.keepalive.serverTimeout = .milliseconds(1_500) }),
        ("cipher", { $0.cipher = .chaCha20Poly1305 }),
        ("TLS version", { $0.tlsVersion = "TLSv1.9" }),
        ("pending push", { $0.pendingPush = ["PUSH_REPLY,route-gateway 10.0.0.1"] }),
        ("push requested", { $0.isPushRequested.toggle() }),
        ("exported keys", { $0.usesExportedKeys.toggle() }),
        ("renegotiation", { $0.renegotiateNotBefore = Instant(nanoseconds: 9) }),
        (
            "delayed refusal",
            {
                $0.delayedRefusal = .init(refusal: Refusal(.sessionExpired, text: "x"), at: Instant(nanoseconds: 8))
            }
        ),
        ("last sent", { $0.data.lastSent = Instant(nanoseconds: 3) }),
        ("last received", { $0.data.lastReceived = Instant(nanoseconds: 3) }),
        ("bytes in", { $0.data.bytesIn = 1 << 40 }),
        ("bytes out", { $0.data.bytesOut = 1 << 41 }),
        ("packet id", { _ = $0.data.takeSlot(bytes: 0, now: $0.data.lastSent) }),
        ("replay window", { _ = $0.data.accept(900, keyIndex: 0, bytes: 0, now: $0.data.lastReceived) }),
        (
            "control counters",
            { $0.control.skipPacketIDs(now: Moment(instant: $0.createdAt, unixSeconds: 4_000_000_000)) }
        ),
        (
            "dynamic wrap",
            {
                let moment = Moment(instant: $0.createdAt, unixSeconds: 1)
                $0.control.adoptDynamic(ControlWrap(key: try Fixture.ownKey(77), role: .server), now: moment)
            }
        ),
        ("backlog", { _ = $0.control.withStream(.initial) { $0.enqueue([1, 2, 3]) } }),
        (
            "early packet",
            { _ = $0.control.withStream(.initial) { $0.receive(id: $0.nextReceiveID + 2, payload: [4]) } }
        ),
    ]

    @Test("Every field survives: a change of any of them is there after reading in, and nowhere else")
    func fields() throws {
        let (rig, client) = try Fixture.live()
        let plain = try #require(rig.serverSession(of: client))
        var seen: Set<[UInt8]> = [plain.encoded()]
        for (name, change) in Self.changes {
            var changed = plain
            try change(&changed)
            let record = changed.encoded()
            #expect(seen.insert(record).inserted, "\(name) is not written")
            let again = try ServerSession(decoding: record)
            #expect(Self.text(again) == Self.text(changed), "\(name) is not read")
            #expect(Self.text(again) != Self.text(plain), "\(name) makes no difference")
        }
    }

    /// All stored values, secrets by their written form.
    private static func text(_ session: ServerSession) -> String {
        var text = ""
        dump(session, to: &text)
        return text + Hex.encode(session.encoded())
    }

    @Test("Every truncation is refused, as are other versions and trailing bytes")
    func truncation() throws {
        for record in try self.records() {
            for count in stride(from: 0, to: record.count, by: 7) {
                #expect(throws: StateError.self) { try ServerSession(decoding: Array(record.prefix(count))) }
            }
            #expect(throws: StateError.trailingBytes) { try ServerSession(decoding: record + [0]) }
            #expect(throws: StateError.unsupportedVersion(9)) {
                try ServerSession(decoding: [9] + record.dropFirst())
            }
        }
    }

    @Test("Mutated records are refused or make a session that another process can run to its end")
    func mutation() throws {
        var random = SeededGenerator(forTest: "session records")
        let records = try self.records()
        var resumed = 0
        for _ in 0..<1_500 {
            var record = records[Int.random(in: 0..<records.count, using: &random)]
            for _ in 0...Int.random(in: 0...3, using: &random) {
                record[Int.random(in: 1..<record.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            guard let session = try? ServerSession(decoding: record) else { continue }
            #expect(try ServerSession(decoding: session.encoded()).encoded() == session.encoded())
            let rig = try Fixture.rig()
            resumed += rig.server.resume([record, record], now: rig.moment).count
            rig.settle()
            rig.advance(by: .seconds(4))
        }
        #expect(resumed > 100)
    }

    @Test("A live session goes on in another process: no nonce comes again, and a renegotiation brings fresh TLS")
    func takeover() throws {
        for generation in [ClientGeneration.ancient, .openVPN24, .openVPN26] {
            let (rig, client) = try Fixture.live(generation)
            for _ in 0..<10 { #expect(rig.sendData(to: client)) }
            let before = try #require(rig.serverSession(of: client)).data.keys[0].nextPacketID
            let records = rig.server.exportSessions()
            rig.replaceServer(settings: Fixture.settings(), wrapping: try Fixture.wrapping())
            let resumed = rig.server.resume(records, now: rig.moment)
            #expect(resumed.map(\.1.name) == ["ann"])
            #expect(try #require(rig.serverSession(of: client)).data.keys[0].nextPacketID == before + (1 << 20))
            rig.settle()
            #expect(rig.pings >= 1)
            #expect(rig.sendData(from: client) && rig.sendData(to: client))
            #expect(rig.serverSession(of: client)?.data.keys.map(\.id.rawValue) == [0, 1])
            // Twice the same record: the second has no place.
            #expect(rig.server.resume(records, now: rig.moment).isEmpty == true)
        }
    }

    @Test("Only live sessions are handed on")
    func notLive() throws {
        for state in [SessionEventTests.State.handshaking, .deciding, .admitted, .ending] {
            let (rig, _) = try SessionEventTests().rig(in: state, nil)
            #expect(rig.server.exportSessions().isEmpty)
            let records = rig.server.sessions.compactMap { $0?.encoded() }
            let fresh = try Fixture.rig()
            let resumed = fresh.server.resume(records, now: fresh.moment)
            #expect(resumed.isEmpty && fresh.server.sessionCount == 0)
        }
    }

    private static let contradictoryChanges: [(String, @Sendable (inout ServerSession) throws -> Void)] = [
        ("no grant", { $0.grant = nil }), ("no cipher", { $0.cipher = nil }),
        ("a data key of no exchange", { $0.exchanges = [] }),
        ("two exchanges of one key id", { $0.exchanges.append($0.exchanges[0]) }),
        ("a stream of no exchange", { $0.control.open(try .number(3), stream: ReliableStream()) }),
        ("an exchange from the future", { $0.exchangeCount = 0 }),
    ]

    @Test("Records that contradict themselves are refused")
    func contradictions() throws {
        let (rig, client) = try Fixture.live()
        for (name, change) in Self.contradictoryChanges {
            var session = try #require(rig.serverSession(of: client))
            try change(&session)
            let record = session.encoded()
            #expect(throws: StateError.invalidValue, "\(name)") { try ServerSession(decoding: record) }
        }
    }
}
