import ProtocolTestKit
import Testing
import VPNFormats

@testable import VPNProtocol

@Suite struct ControlChannelTests {
    private let crypto = TestCryptography()
    private let local: SessionID
    private let remote: SessionID
    private let original: StaticKey
    private let dynamic: StaticKey
    private let now = Moment(instant: Instant(nanoseconds: 5_000_000_000), unixSeconds: 1_700_000_000)

    init() throws {
        self.local = try #require(SessionID(rawValue: 0x1111))
        self.remote = try #require(SessionID(rawValue: 0x2222))
        self.original = try Fixture.sharedKey()
        self.dynamic = try Fixture.ownKey()
    }

    private func channel(dynamic isDynamic: Bool = false) -> ControlChannel {
        var channel = ControlChannel(
            localSession: self.local, remoteSession: self.remote, wrap: ControlWrap(key: self.original, role: .server),
            sequence: LongPacketIDSequence(after: 1, time: 1_700_000_000))
        if isDynamic { channel.adoptDynamic(ControlWrap(key: self.dynamic, role: .server), now: self.now) }
        return channel
    }

    private func packet(
        _ key: StaticKey, kid: UInt8 = 0, id: UInt32 = 5, time: UInt32 = 1_700_000_000, from session: SessionID? = nil,
        to acknowledged: SessionID? = nil
    ) throws -> [UInt8] {
        ControlWrap(key: key, role: .client).seal(
            header: PacketHeader(.control, try .number(kid)), session: session ?? self.remote,
            packetID: LongPacketID(id: id, time: time),
            body: ControlBody(messageID: 1, acknowledging: [0], remoteSession: acknowledged ?? self.local).bytes,
            crypto: self.crypto)
    }

    private func rejection(_ channel: inout ControlChannel, _ packet: [UInt8]) -> ControlChannel.Rejection? {
        if case .failure(let rejection) = channel.open(packet, crypto: self.crypto) { return rejection }
        return nil
    }

    @Test(
        "Key id 0 opens under either key once there are two, higher ones under the session's own alone",
        arguments: [
            (0, false, false, true), (0, false, true, false), (1, false, false, true), (1, false, true, false),
            (0, true, false, true), (0, true, true, true), (1, true, false, false), (1, true, true, true),
        ] as [(UInt8, Bool, Bool, Bool)])
    func eitherKey(kid: UInt8, hasDynamic: Bool, underDynamic: Bool, opens: Bool) throws {
        var channel = self.channel(dynamic: hasDynamic)
        let packet = try self.packet(underDynamic ? self.dynamic : self.original, kid: kid)
        #expect(self.rejection(&channel, packet) == (opens ? nil : .wrapping))
    }

    @Test("Both keys have a replay window of their own, and neither takes a packet twice")
    func replay() throws {
        var channel = self.channel(dynamic: true)
        for key in [self.original, self.dynamic] {
            let packet = try self.packet(key)
            #expect(self.rejection(&channel, packet) == nil)
            #expect(self.rejection(&channel, packet) == .replayed)
            #expect(self.rejection(&channel, try self.packet(key, id: 0)) == .replayed)
            #expect(self.rejection(&channel, try self.packet(key, id: 99, time: 1_699_999_999)) == .replayed)
            #expect(self.rejection(&channel, try self.packet(key, id: 1, time: 1_700_000_001)) == nil)
        }
    }

    @Test("Packets of or for other sessions are refused")
    func foreign() throws {
        var channel = self.channel()
        let other = try #require(SessionID(rawValue: 0x3333))
        #expect(self.rejection(&channel, try self.packet(self.original, id: 1, from: other)) == .foreignSession)
        #expect(self.rejection(&channel, try self.packet(self.original, id: 2, to: other)) == .foreignSession)
        #expect(self.rejection(&channel, try self.packet(self.original, id: 3)) == nil)
    }

    @Test("Noise, cut packets and other opcodes are refused")
    func malformed() throws {
        var channel = self.channel()
        let whole = try self.packet(self.original)
        #expect(self.rejection(&channel, []) == .malformed)
        for count in 1..<whole.count { #expect(self.rejection(&channel, Array(whole.prefix(count))) != nil) }
        for bit in 0..<(whole.count * 8) {
            var changed = whole
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(self.rejection(&channel, changed) != nil)
        }
        #expect(self.rejection(&channel, whole) == nil)
    }

    @Test("Each transmission has a packet id of its own; after a move to another process none comes again")
    func packetIDs() throws {
        var channel = self.channel(dynamic: true)
        var stream = ReliableStream()
        #expect(stream.enqueue([UInt8](repeating: 3, count: 3_000)) == true)
        channel.open(.initial, stream: stream)
        let second = try KeyID.number(1)
        channel.open(second, stream: stream)
        let client = [ControlWrap(key: self.original, role: .client), ControlWrap(key: self.dynamic, role: .client)]
        var seen: Set<[UInt64]> = []
        var sent = 0
        func collect(at seconds: UInt64) {
            let now = Moment(
                instant: Instant(nanoseconds: (5 + seconds) * 1_000_000_000), unixSeconds: 1_700_000_000)
            channel.transmit(now: now, firstTimeout: .seconds(1), crypto: self.crypto) { packet in
                sent += 1
                for (number, wrap) in client.enumerated() {
                    if let opened = wrap.open(packet, crypto: self.crypto) {
                        seen.insert([UInt64(number), UInt64(opened.packetID.time), UInt64(opened.packetID.id)])
                    }
                }
            }
        }
        for round in 0..<4 as Range<UInt64> { collect(at: round * 40) }
        channel.skipPacketIDs(now: self.now)
        for round in 4..<8 as Range<UInt64> { collect(at: round * 40) }
        #expect(sent == 48)
        #expect(seen.count == sent)
    }
}
