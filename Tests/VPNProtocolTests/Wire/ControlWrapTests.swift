import ProtocolTestKit
import Testing
import VPNFormats
import VPNProtocol

@Suite struct ControlWrapTests {
    private let crypto = TestCryptography()
    private let packet = bytes(
        """
        38 f419cb12d1f9e48f 00000001 61d3f8e1 330206f56802be44fbed905064e3db43416bec5e526719462b7eb90c96defc9b
        05c44879f7
        """)

    private func key() throws -> StaticKey { try StaticKey(text: Vectors.staticKeyText) }

    @Test func `the published packet of a client is opened by the server and made again by the client`() throws {
        let opened = try #require(try ControlWrap(key: key(), role: .server).open(packet, crypto: crypto))
        #expect(opened.header == PacketHeader(.hardResetClientV2, .initial))
        #expect(opened.session.rawValue == 0xF419_CB12_D1F9_E48F)
        #expect(opened.packetID == LongPacketID(id: 1, time: 0x61D3_F8E1))
        #expect(opened.body == bytes("00 00000000"))
        let sealed = try ControlWrap(key: key(), role: .client).seal(
            header: opened.header, session: opened.session, packetID: opened.packetID, body: opened.body,
            crypto: crypto)
        #expect(sealed == packet)
    }

    @Test func `the published vector of dynamic tls-crypt is made again`() throws {
        let key = try StaticKey(bytes: [UInt8](repeating: 0xBA, count: 256))
        let sealed = ControlWrap(key: key, role: .server).seal(
            prefix: [], packetID: LongPacketID(id: 1, time: 0), body: Array("1234567890".utf8), crypto: crypto)
        #expect(
            sealed
                == bytes(
                    """
                    0000000100000000e319277f1c8d6e6a7796a855337b9cfb56e1f13a870e6647dfa195c92c17a015ba4967a11d55ea1a06a7
                    """))
    }

    @Test func `a side does not open its own packets`() throws {
        let client = try ControlWrap(key: key(), role: .client)
        #expect(client.open(packet, crypto: crypto) == nil)
    }

    @Test func `a change of any bit is noticed`() throws {
        let server = try ControlWrap(key: key(), role: .server)
        for bit in 0..<packet.count * 8 {
            var changed = packet
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(server.open(changed, crypto: crypto) == nil)
        }
    }

    @Test func `truncated, extended and huge packets are refused`() throws {
        let server = try ControlWrap(key: key(), role: .server)
        for count in 0..<packet.count {
            #expect(server.open(packet.prefix(count), crypto: crypto) == nil)
        }
        #expect(server.open(packet + [0], crypto: crypto) == nil)
        #expect(server.open([UInt8](repeating: 0x38, count: 65_000), crypto: crypto) == nil)
    }

    @Test func `packets of every control opcode survive a round trip in both directions`() throws {
        var random = SeededGenerator()
        for role in Role.allCases {
            let (ours, theirs) = (
                try ControlWrap(key: key(), role: role),
                try ControlWrap(key: key(), role: role == .server ? .client : .server)
            )
            for opcode in Opcode.allCases where !opcode.isData {
                let body = random.bytes(Int.random(in: 1...1_200, using: &random))
                let session = SessionID(using: &random)
                let id = LongPacketID(id: 7, time: 9)
                let sealed = ours.seal(
                    header: PacketHeader(opcode, .initial), session: session, packetID: id, body: body,
                    crypto: crypto)
                #expect(sealed.count == body.count + ControlWrap.overheadBytes)
                let opened = try #require(theirs.open(sealed, crypto: crypto))
                #expect(opened.body == body && opened.session == session && opened.packetID == id)
            }
        }
    }

    @Test func `a wrapped client key is split off by its stated length`() throws {
        let whole = packet + Vectors.wrappedKeyWithUserMetadata
        let split = try #require(ControlWrap.splitWrappedKey(from: whole[...]))
        #expect(Array(split.packet) == packet && Array(split.wrappedKey) == Vectors.wrappedKeyWithUserMetadata)
    }

    @Test func `lengths that would overlap the packet are refused before arithmetic`() {
        let wrapped = Vectors.wrappedKeyWithUserMetadata
        #expect(ControlWrap.splitWrappedKey(from: wrapped[...]) == nil)
        #expect(ControlWrap.splitWrappedKey(from: ([0x50] + wrapped)[...]) == nil)
        #expect(ControlWrap.splitWrappedKey(from: (packet.prefix(49) + wrapped)[...]) == nil)
        #expect(ControlWrap.splitWrappedKey(from: (packet.prefix(50) + wrapped)[...]) != nil)
        for stated in [0, 1, 2, 33, 289, 1_025, 65_535] {
            let bad = packet + wrapped.dropLast(2) + [UInt8(stated >> 8), UInt8(stated & 255)]
            #expect(ControlWrap.splitWrappedKey(from: bad[...]) == nil)
        }
        for count in 0..<(packet.count + wrapped.count) {
            #expect(ControlWrap.splitWrappedKey(from: (packet + wrapped).prefix(count)) == nil)
        }
        #expect(ControlWrap.splitWrappedKey(from: ([UInt8](repeating: 0, count: 65_000) + wrapped)[...]) == nil)
    }

    @Test func `a wrap survives being written out and shows no key when printed`() throws {
        let wrap = try ControlWrap(key: key(), role: .server)
        var writer = StateWriter(version: 1)
        writer.write(wrap)
        var reader = try StateReader(writer.bytes, versions: 1...1)
        let read = try reader.read(ControlWrap.self)
        #expect(read == wrap)
        #expect("\(wrap)".contains("redacted"))
    }
}
