import ProtocolTestKit
import Testing
import VPNProtocol

@Suite struct ControlBodyTests {
    @Test func `the published client reset is read and made again`() throws {
        let packet = bytes("38 6891923fa3103437 00 00000000 00")
        let header = try #require(PacketHeader(firstByte: packet[0]))
        #expect(header == PacketHeader(.hardResetClientV2, .initial))
        #expect(SessionID(bytes: packet[1..<9])?.description == "6891923fa3103437")
        let body = try #require(ControlBody(opcode: header.opcode, bytes: packet[9..<14]))
        #expect(body.acknowledgements.isEmpty && body.remoteSession == nil && body.messageID == 0)
        #expect(body.payload.isEmpty)
        #expect(body.bytes == Array(packet[9..<14]))
    }

    @Test func `the published acknowledgement is read and made again`() throws {
        let packet = bytes("28 aeb9afe1f01d79c8 01 00000000 dd85db535623b02e")
        let body = try #require(ControlBody(opcode: .acknowledgement, bytes: packet[9...]))
        #expect(body.acknowledgements == [0])
        #expect(body.remoteSession?.rawValue == 0xDD85_DB53_5623_B02E)
        #expect(body.messageID == nil)
        #expect(body == ControlBody(acknowledging: [0], remoteSession: try #require(body.remoteSession)))
        #expect(body.bytes == Array(packet[9...]))
    }

    @Test func `the published control packet with an acknowledgement is read and made again`() throws {
        let packet = bytes("20 7819bf2ebcd19a45 01 00000000 eafebfa4418ae31b 00000001 160301")
        let body = try #require(ControlBody(opcode: .control, bytes: packet[9...]))
        #expect(body.acknowledgements == [0] && body.messageID == 1 && body.payload == [0x16, 3, 1])
        #expect(body.bytes == Array(packet[9...]))
    }

    @Test func `every truncation before the payload is refused`() {
        let whole = bytes("02 00000001 00000002 dd85db535623b02e 00000007")
        for count in 0..<whole.count {
            #expect(ControlBody(opcode: .control, bytes: whole.prefix(count)) == nil)
        }
        #expect(ControlBody(opcode: .control, bytes: whole) != nil)
    }

    @Test func `eight acknowledgements are accepted and nine are not`() throws {
        let session = try #require(SessionID(rawValue: 1))
        for count in 0...9 {
            let ids = bytes(String(repeating: "00000005", count: count))
            let text = [UInt8(count)] + ids + (count > 0 ? session.bytes : []) + [0, 0, 0, 1]
            #expect((ControlBody(opcode: .control, bytes: text) != nil) == (count <= 8))
        }
        let body = ControlBody(messageID: 1, acknowledging: Array(0..<20), remoteSession: session)
        #expect(body.acknowledgements.count == 8)
    }

    @Test func `a remote session id of zero is refused`() {
        #expect(ControlBody(opcode: .acknowledgement, bytes: bytes("01 00000000 0000000000000000")) == nil)
    }

    @Test func `data packets have no control body`() {
        #expect(ControlBody(opcode: .dataV1, bytes: bytes("00 00000000")) == nil)
        #expect(ControlBody(opcode: .dataV2, bytes: bytes("00 00000000")) == nil)
    }

    @Test func `first bytes of old and unknown opcodes are refused`() {
        for byte in UInt8.min...UInt8.max {
            let header = PacketHeader(firstByte: byte)
            #expect((header != nil) == (3...11).contains(byte >> 3))
            if let header { #expect(header.firstByte == byte) }
        }
    }

    @Test func `key ids go from 0 to 7 and then begin at 1`() {
        var id = KeyID.initial
        var seen: [UInt8] = []
        for _ in 0..<9 {
            seen.append(id.rawValue)
            id = id.next
        }
        #expect(seen == [0, 1, 2, 3, 4, 5, 6, 7, 1])
        #expect(KeyID(rawValue: 8) == nil)
    }

    @Test func `session ids are never zero`() {
        #expect(SessionID(rawValue: 0) == nil && SessionID(bytes: [1, 2]) == nil)
        var random = SeededGenerator()
        let id = SessionID(using: &random)
        #expect(SessionID(bytes: id.bytes) == id)
    }

    @Test func `options of a reset skip what is unknown and refuse what is cut short`() {
        #expect(ResetReplyOptions.resendWrappedKey.bytes == bytes("000100020001"))
        #expect(ResetReplyOptions(bytes: bytes("000100020001")) == .resendWrappedKey)
        #expect(ResetReplyOptions(bytes: bytes("0007 0003 aabbcc 0001 0002 0001")) == .resendWrappedKey)
        #expect(ResetReplyOptions(bytes: []) == [])
        #expect(ResetReplyOptions([]).bytes.isEmpty)
        for text in ["00", "0001", "000100", "00010002", "0001000200", "0001000100", "0001000300 0001", "0007ffff00"] {
            #expect(ResetReplyOptions(bytes: bytes(text)) == nil)
        }
    }
}
