import Testing
import VPNEngine
import VPNProtocol

/// Header, room for the tag, and payload in one array, as the packet path has them in its buffers.
private struct Frame {
    var bytes: [UInt8]

    init(header: [UInt8], payload: [UInt8]) {
        bytes = header + Array(repeating: 0, count: 16) + payload
    }

    mutating func seal(_ sealer: borrowing PacketSealer, _ layout: DataPacketLayout, nonce: [UInt8]) -> Bool {
        bytes.withUnsafeMutableBytes { frame in
            nonce.withUnsafeBytes { sealer.seal(frame, layout: layout, nonce: $0.baseAddress!) }
        }
    }

    mutating func seal(_ sealer: borrowing PacketSealer, authenticated: Range<Int>, nonce: [UInt8]) -> Bool {
        bytes.withUnsafeMutableBytes { frame in
            nonce.withUnsafeBytes { sealer.seal(frame, authenticated: authenticated, nonce: $0.baseAddress!) }
        }
    }

    mutating func open(_ opener: borrowing PacketOpener, _ layout: DataPacketLayout, nonce: [UInt8]) -> Bool {
        bytes.withUnsafeMutableBytes { frame in
            nonce.withUnsafeBytes { opener.open(frame, layout: layout, nonce: $0.baseAddress!) }
        }
    }
}

private let ping = hexBytes("2a187bf3641eb4cb07ed2d0a981fc748")

@Suite("Packet encryption")
struct PacketCiphersTests {
    @Test(
        "a ping under known keys gives the known packet",
        arguments: [
            (
                0, DataPacketLayout.v2, "4800000100000001",
                "c205d9d310eb4ae328fcf3f476ac5c836d4784a68aa0ed90e50119d9c0cbdf76"
            ),
            (
                1, DataPacketLayout.v2, "4800000100000001",
                "c0ec133d878c626204d78e9301b52c718ebb7e24134df8295fa8769dfdc79271"
            ),
            (
                0, DataPacketLayout.v1, "3000000001",
                "cf814ef5a7981fa89e5bd3fce91fa5fd6d4784a68aa0ed90e50119d9c0cbdf76"
            ),
        ])
    func knownPackets(direction: Int, layout: DataPacketLayout, header: String, expected: String) throws {
        let keys = OpenVPNKeyBlock.known
        let sealer = try PacketSealer(.aes256GCM, key: keys.cipherKey(direction))
        let opener = try PacketOpener(.aes256GCM, key: keys.cipherKey(direction))
        let nonce = [0, 0, 0, 1] + keys.implicitIV(direction)
        var frame = Frame(header: hexBytes(header), payload: ping)
        let sealed = frame.seal(sealer, layout, nonce: nonce)
        #expect(sealed)
        #expect(hexText(frame.bytes) == header + expected)
        let opened = frame.open(opener, layout, nonce: nonce)
        #expect(opened)
        #expect(Array(frame.bytes[layout.payloadOffset...]) == ping)
    }

    @Test("the packet of the OpenVPN 3 test suite has the known tag and ciphertext")
    func openVPN3Packet() throws {
        let pattern = Array("abcdefgh01234567ABCDEFGHjkuchenl".utf8)
        let key = (0..<256).map { pattern[$0 % 32] ^ UInt8($0) }
        let sealer = try PacketSealer(.aes256GCM, key: Array(key[0..<32]))
        var frame = Frame(
            header: hexBytes("0700001700000001"),
            payload: Array("The quick little fox jumps over the bureaucratic hurdles".utf8))
        let sealed = frame.seal(sealer, .v2, nonce: [0, 0, 0, 1] + key[64..<72])
        #expect(sealed)
        #expect(hexText(frame.bytes[8..<24]) == "1fdd908f0e9dc25e79d832020d58e73f")
        #expect(hexText(frame.bytes[34..<40]) == "a82e6b1706d9")
    }

    @Test("ChaCha20-Poly1305 gives the value of RFC 8439 section 2.8.2")
    func chaCha() throws {
        let text =
            "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
            + "sunscreen would be it."
        let sealer = try PacketSealer(.chaCha20Poly1305, key: Array(0x80...0x9f))
        var frame = Frame(header: hexBytes("50515253c0c1c2c3c4c5c6c7"), payload: Array(text.utf8))
        let sealed = frame.seal(sealer, authenticated: 0..<12, nonce: hexBytes("070000004041424344454647"))
        #expect(sealed)
        #expect(hexText(frame.bytes[12..<28]) == "1ae10b594f09e26a7e902ecbd0600691")
        #expect(hexText(frame.bytes[28..<44]) == "d31a8d34648e60db7b86afbc53ef7ec2")
    }

    @Test("AES-128-GCM gives the value of the GCM specification, test case 4")
    func gcm128() throws {
        let sealer = try PacketSealer(.aes128GCM, key: hexBytes("feffe9928665731c6d6a8f9467308308"))
        let payload = """
            d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
            1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39
            """
        var frame = Frame(
            header: hexBytes("feedfacedeadbeeffeedfacedeadbeefabaddad2"), payload: hexBytes(payload))
        let sealed = frame.seal(sealer, authenticated: 0..<20, nonce: hexBytes("cafebabefacedbaddecaf888"))
        #expect(sealed)
        #expect(hexText(frame.bytes[20..<36]) == "5bc94fbc3221a5db94fae95ae7121a47")
        #expect(hexText(frame.bytes[36..<52]) == "42831ec2217774244b7221b784d0d49c")
    }

    @Test("a packet with any one bit changed is refused, and the next good one passes", arguments: DataCipher.allCases)
    func tampering(cipher: DataCipher) throws {
        let key = Array(repeating: UInt8(7), count: cipher.keyBytes)
        let sealer = try PacketSealer(cipher, key: key)
        let opener = try PacketOpener(cipher, key: key)
        let nonce = Array(repeating: UInt8(3), count: 12)
        var good = Frame(header: hexBytes("4800000100000001"), payload: Array(repeating: 0x5a, count: 21))
        let sealed = good.seal(sealer, .v2, nonce: nonce)
        #expect(sealed)
        for bit in 0..<(good.bytes.count * 8) {
            var bad = good
            bad.bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            let opened = bad.open(opener, .v2, nonce: nonce)
            #expect(!opened, "bit \(bit)")
        }
        var wrongNonce = good
        let openedWrong = wrongNonce.open(opener, .v2, nonce: Array(repeating: 4, count: 12))
        #expect(!openedWrong)
        let opened = good.open(opener, .v2, nonce: nonce)
        #expect(opened)
        #expect(Array(good.bytes[24...]) == Array(repeating: 0x5a, count: 21))
    }

    @Test("a packet without payload is refused at every length, both ways", arguments: 0...24)
    func shortPackets(length: Int) throws {
        let key = Array(repeating: UInt8(1), count: 32)
        let sealer = try PacketSealer(.aes256GCM, key: key)
        let opener = try PacketOpener(.aes256GCM, key: key)
        let nonce = Array(repeating: UInt8(0), count: 12)
        var bytes = Array(repeating: UInt8(0), count: length)
        let results = bytes.withUnsafeMutableBytes { frame in
            nonce.withUnsafeBytes { nonce in
                (
                    sealer.seal(frame, layout: .v2, nonce: nonce.baseAddress!),
                    opener.open(frame, layout: .v2, nonce: nonce.baseAddress!)
                )
            }
        }
        #expect(results == (false, false))
    }

    @Test("a key of the wrong length is refused", arguments: DataCipher.allCases)
    func keyLength(cipher: DataCipher) {
        for count in [0, 15, 24, 33] {
            #expect(throws: CryptographyError.self) {
                _ = try PacketSealer(cipher, key: Array(repeating: 0, count: count))
            }
            #expect(throws: CryptographyError.self) {
                _ = try PacketOpener(cipher, key: Array(repeating: 0, count: count))
            }
        }
    }
}
