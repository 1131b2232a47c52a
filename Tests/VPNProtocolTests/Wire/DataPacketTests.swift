import ProtocolTestKit
import Testing
import VPNProtocol

@Suite struct DataPacketTests {
    private func header(_ packet: [UInt8]) -> DataPacketHeader? {
        packet.withUnsafeBytes { DataPacketHeader($0) }
    }

    private func written(
        _ layout: DataPacketLayout, _ keyID: UInt8, _ peerID: UInt32, _ packetID: UInt32
    ) throws -> [UInt8] {
        var packet = [UInt8](repeating: 0, count: layout.tagOffset)
        let (key, peer) = (try #require(KeyID(rawValue: keyID)), try #require(PeerID(rawValue: peerID)))
        packet.withUnsafeMutableBytes { layout.writeHeader(into: $0, keyID: key, peerID: peer, packetID: packetID) }
        return packet
    }

    @Test func `headers are laid out as published`() throws {
        #expect(try written(.v2, 0, 1, 1) == bytes("48 000001 00000001"))
        #expect(try written(.v1, 0, 1, 1) == bytes("30 00000001"))
        #expect(try written(.v2, 7, 0xABCDEF, 0x0102_0304) == bytes("4f abcdef 01020304"))
        #expect(DataPacketLayout.v2.payloadOffset == 24 && DataPacketLayout.v2.authenticatedBytes == 8)
        #expect(DataPacketLayout.v1.payloadOffset == 21 && DataPacketLayout.v1.authenticatedOffset == 1)
    }

    @Test func `headers survive a round trip`() throws {
        var random = SeededGenerator()
        for _ in 0..<500 {
            let layout = try #require(DataPacketLayout.allCases.randomElement(using: &random))
            let (key, peer, id) = (
                UInt8(random.next() % 8), UInt32(random.next() % 0x100_0000),
                UInt32.random(in: 1...(.max), using: &random)
            )
            let parsed = try #require(header(try written(layout, key, peer, id) + random.bytes(17)))
            #expect(parsed.layout == layout && parsed.keyID.rawValue == key && parsed.packetID == id)
            #expect(parsed.peerID.rawValue == (layout == .v2 ? peer : 0xFF_FFFF))
        }
    }

    @Test func `packets without payload, with packet id 0 or of another kind are refused`() throws {
        for layout in DataPacketLayout.allCases {
            let start = try written(layout, 0, 1, 1)
            for count in 0...16 { #expect(header(start + [UInt8](repeating: 0, count: count)) == nil) }
            #expect(header(start + [UInt8](repeating: 0, count: 17)) != nil)
            #expect(header(try written(layout, 0, 1, 0) + [UInt8](repeating: 0, count: 17)) == nil)
        }
        for first in UInt8.min...UInt8.max {
            let parsed = header([first] + [UInt8](repeating: 1, count: 40))
            #expect((parsed != nil) == [6, 9].contains(first >> 3))
        }
        #expect(header([]) == nil)
    }

    @Test func `a nonce is the packet id and the secret part`() throws {
        let nonce = try #require(DataNonce(implicitIV: bytes("06c3ba47442af5d9")))
        var written = [UInt8](repeating: 0, count: 12)
        written.withUnsafeMutableBytes { nonce.write(packetID: 0x0102_0304, into: $0) }
        #expect(written == bytes("01020304 06c3ba47442af5d9"))
        #expect(DataNonce(implicitIV: [1, 2, 3]) == nil)
    }

    @Test func `pings are known by their sixteen bytes`() {
        let ping = bytes("2a187bf3641eb4cb07ed2d0a981fc748")
        #expect(PingMessage.bytes == ping)
        var written = [UInt8](repeating: 0, count: 16)
        written.withUnsafeMutableBytes { PingMessage.write(into: $0) }
        #expect(written == ping)
        #expect(ping.withUnsafeBytes { PingMessage.matches($0) })
        #expect(!(ping + [0]).withUnsafeBytes { PingMessage.matches($0) })
        #expect(![UInt8]().withUnsafeBytes { PingMessage.matches($0) })
        for index in ping.indices {
            var changed = ping
            changed[index] ^= 1
            #expect(!changed.withUnsafeBytes { PingMessage.matches($0) })
        }
    }

    @Test(arguments: [
        (OCCMessage.request, "00"), (.reply(Array("V4,dev-type tun".utf8)), "01"), (.mtuLoadRequest, "02"),
        (.mtuLoad, "03"), (.mtuRequest, "04"), (.mtuReply(received: 1_500, sent: 1_400), "05"), (.exit, "06"),
        (.unknown(77), "4d"),
    ])
    func `OCC messages survive a round trip`(message: OCCMessage, type: String) {
        let text = message.bytes
        #expect(Array(text.prefix(17)) == bytes("287f346bd4ef7a812d56b8d3afc5459c" + type))
        #expect(text.withUnsafeBytes { OCCMessage($0) } == message)
        #expect(text.withUnsafeBytes { OCCMessage.matches($0) })
    }

    @Test func `OCC messages that are cut short are refused and long options are cut`() {
        let magic = bytes("287f346bd4ef7a812d56b8d3afc5459c")
        #expect(magic.withUnsafeBytes { OCCMessage($0) } == nil)
        #expect((magic + [5, 0, 1, 0]).withUnsafeBytes { OCCMessage($0) } == nil)
        let long = magic + [1] + [UInt8](repeating: 65, count: 2_000)
        #expect(long.withUnsafeBytes { OCCMessage($0) } == .reply([UInt8](repeating: 65, count: 512)))
    }
}
