import ProtocolTestKit
import Testing
import VPNFormats

@testable import VPNProtocol

@Suite struct DataChannelTests {
    private let now = Instant(nanoseconds: 1_000_000_000)

    private func key(_ id: UInt8, cipher: DataCipher = .aes256GCM) throws -> InstalledKey {
        let material = try #require(
            KeyMaterial(exported: (0..<256).map { UInt8(truncatingIfNeeded: $0 + Int(id) + 1) }))
        let keys = try #require(material.dataKeys(cipher: cipher, role: .server))
        return InstalledKey(id: try .number(id), keys: keys, now: self.now)
    }

    private func channel(_ ids: UInt8...) throws -> DataChannel {
        var channel = DataChannel(peerID: nil, now: self.now)
        for id in ids { channel.install(try self.key(id)) }
        return channel
    }

    /// The same channel with its first key's counter moved, as a written-out one reads.
    private func channel(
        nextPacketID: UInt64, cipher: DataCipher = .aes256GCM, blocks: UInt64 = 0
    ) throws -> DataChannel {
        var key = try self.key(0, cipher: cipher)
        key.nextPacketID = nextPacketID
        key.sentBlocks = blocks
        var channel = DataChannel(peerID: nil, now: self.now)
        channel.install(key)
        return channel
    }

    @Test("The first key sends at once, others only when they are promoted")
    func promotion() throws {
        var channel = try self.channel(0, 1)
        #expect(channel.takeSlot(bytes: 1, now: self.now)?.keyID == .initial)
        channel.promote(try .number(1))
        #expect(channel.takeSlot(bytes: 1, now: self.now)?.keyID.rawValue == 1)
        channel.promote(try .number(5))
        #expect(channel.sendingKey?.rawValue == 1)
    }

    @Test("There are three keys at most: a fourth pushes out the oldest that does not send")
    func surplus() throws {
        var channel = try self.channel(0, 1, 2, 3)
        #expect(channel.keys.map(\.id.rawValue) == [0, 2, 3])
        #expect(channel.sendingKey == .initial)
        channel.promote(try .number(3))
        channel.install(try self.key(4))
        #expect(channel.keys.map(\.id.rawValue) == [2, 3, 4])
        #expect(channel.sendingKey?.rawValue == 3)
    }

    @Test("Without the key that sent nothing is sent, whatever other keys there are")
    func removal() throws {
        var channel = try self.channel(0, 1)
        channel.remove(.initial)
        #expect(channel.keys.map(\.id.rawValue) == [1])
        #expect(channel.takeSlot(bytes: 1, now: self.now) == nil)
        channel.removeAll()
        #expect(channel.keys.isEmpty && channel.sendingIndex == nil)
    }

    @Test("Packet ids count from 1 and never come twice")
    func counting() throws {
        var channel = try self.channel(0)
        #expect((0..<5).compactMap { _ in channel.takeSlot(bytes: 1, now: self.now)?.packetID } == [1, 2, 3, 4, 5])
    }

    @Test(
        "A key is worn from packet id 0xFF000000 on, and sends nothing beyond the last id",
        arguments: [
            (0xFEFF_FFFF, false, true), (0xFF00_0000, true, true), (0xFFFF_FFFF, true, true),
            (0x1_0000_0000, true, false),
        ] as [(UInt64, Bool, Bool)])
    func exhaustion(next: UInt64, isWorn: Bool, sends: Bool) throws {
        var channel = try self.channel(nextPacketID: next)
        #expect(channel.keys[0].isWorn == isWorn)
        let slot = channel.takeSlot(bytes: 1, now: self.now)
        #expect((slot != nil) == sends)
        if let slot { #expect(UInt64(slot.packetID) == next) }
    }

    @Test("The very last packet id is used once")
    func lastPacketID() throws {
        var channel = try self.channel(nextPacketID: 0xFFFF_FFFF)
        #expect(channel.takeSlot(bytes: 1, now: self.now)?.packetID == .max)
        #expect(channel.takeSlot(bytes: 1, now: self.now) == nil)
        channel.skipPacketIDs()
        #expect(channel.takeSlot(bytes: 1, now: self.now) == nil)
    }

    @Test(
        "AES-GCM keys stop at 2^36 blocks, ChaCha20-Poly1305 keys do not count them",
        arguments: [(.aes256GCM, false), (.aes128GCM, false), (.chaCha20Poly1305, true)] as [(DataCipher, Bool)])
    func blocks(cipher: DataCipher, sends: Bool) throws {
        var channel = try self.channel(nextPacketID: 9, cipher: cipher, blocks: (1 << 36) - 1)
        #expect(channel.keys[0].isWorn == !sends)
        #expect((channel.takeSlot(bytes: 1_500, now: self.now) != nil) == sends)
    }

    @Test("After a takeover the next packet id is 2^20 further, and at the end there is none")
    func takeover() throws {
        var channel = try self.channel(nextPacketID: 1_000)
        channel.skipPacketIDs()
        let expected: UInt32 = 1_000 + (1 << 20)
        #expect(channel.takeSlot(bytes: 1, now: self.now)?.packetID == expected)
        channel = try self.channel(nextPacketID: 0xFFFF_FF00)
        channel.skipPacketIDs()
        #expect(channel.takeSlot(bytes: 1, now: self.now) == nil)
    }

    @Test("Each key has a replay window of its own, and a channel that is read in again remembers it")
    func replay() throws {
        var channel = try self.channel(0, 1)
        let first = channel.accept(7, keyIndex: 0, bytes: 1, now: self.now)
        let other = channel.accept(7, keyIndex: 1, bytes: 1, now: self.now)
        var writer = StateWriter(version: 1)
        writer.write(channel)
        var reader = try StateReader(writer.bytes, versions: 1...1)
        channel = try reader.read(DataChannel.self)
        let again = channel.accept(7, keyIndex: 0, bytes: 1, now: self.now)
        #expect(first && other && !again)
        #expect(
            channel.mayAccept(8, keyIndex: 0) && !channel.mayAccept(7, keyIndex: 1)
                && !channel.mayAccept(0, keyIndex: 0))
    }

    @Test("A packet that was overtaken is not the newest, nor is any under an older key than the peer uses")
    func newest() throws {
        var channel = try self.channel(0, 1)
        _ = channel.accept(7, keyIndex: 0, bytes: 1, now: self.now)
        #expect(channel.isNewest(8, keyIndex: 0) && !channel.isNewest(6, keyIndex: 0))
        _ = channel.accept(1, keyIndex: 1, bytes: 1, now: self.now)
        #expect(!channel.isNewest(8, keyIndex: 0) && channel.isNewest(2, keyIndex: 1))
    }

    @Test("A packet id of 0 or beyond the end cannot be read in", arguments: [0, 0x1_0000_0001] as [UInt64])
    func impossibleCounters(next: UInt64) throws {
        var key = try self.key(0)
        key.nextPacketID = next
        var writer = StateWriter(version: 1)
        writer.write(key)
        var reader = try StateReader(writer.bytes, versions: 1...1)
        #expect(throws: StateError.invalidValue) { try reader.read(InstalledKey.self) }
    }
}
