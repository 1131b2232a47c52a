import ProtocolTestKit
import VPNFormats
import VPNProtocol

extension Targets {
    private static let crypto = TestCryptography()

    /// What arrives on sockets and through the tunnel.
    static let packets: [Target] = [
        controlBodies, resetOptions, wrappedPackets, wrappedKeys, splitPackets, dataHeaders, occMessages,
        innerPackets, clampedPackets, replayWindows,
    ]

    private static let resetPacket = bytes(
        """
        38 f419cb12d1f9e48f 00000001 61d3f8e1 330206f56802be44fbed905064e3db43416bec5e526719462b7eb90c96defc9b
        05c44879f7
        """)

    /// The first byte is the opcode.
    private static let controlBodies = Target(
        name: "control-body",
        samples: [
            bytes("07 00 00000000"), bytes("05 01 00000000 dd85db535623b02e"),
            bytes("04 02 00000000 00000001 eafebfa4418ae31b 00000001 160301"),
        ]
    ) { input in
        guard let first = input.first, let opcode = Opcode(rawValue: first),
            let body = ControlBody(opcode: opcode, bytes: input.dropFirst())
        else { return false }
        guard body.bytes.count <= input.count, ControlBody(opcode: opcode, bytes: body.bytes) == body else {
            throw Violation("a control body reads differently when it is written")
        }
        return true
    }

    private static let resetOptions = Target.roundTrip(
        "reset-options", limit: 6, samples: [bytes("000100020001"), bytes("0007 0003 aabbcc 0001 0002 0001")],
        parse: { ResetReplyOptions(bytes: $0) }, serialise: { $0.bytes })

    private static let wrappedPackets: Target = {
        let server = ControlWrap(key: staticKey, role: .server)
        let client = ControlWrap(key: staticKey, role: .client)
        return Target(name: "tls-crypt", samples: [resetPacket]) { input in
            guard let opened = server.open(input, crypto: crypto) else { return false }
            let sealed = client.seal(
                header: opened.header, session: opened.session, packetID: opened.packetID, body: opened.body,
                crypto: crypto)
            guard sealed == input else { throw Violation("a packet that was not made by the client was opened") }
            return true
        }
    }()

    private static let wrappedKeys = Target(
        name: "wrapped-client-key",
        samples: [Vectors.wrappedKeyWithTimestamp, Vectors.wrappedKeyWithUserMetadata]
    ) { input in
        guard let key = try? TLSCryptV2ServerKey(bytes: Vectors.serverKeyBytes),
            let opened = try? WrappedClientKey.open(input, serverKey: key, crypto: crypto)
        else { return false }
        let sealed = try WrappedClientKey.seal(
            key: opened.key, metadata: opened.metadata, serverKey: key, crypto: crypto)
        guard sealed == input else { throw Violation("a key that was not made by the server was opened") }
        return true
    }

    private static let splitPackets = Target(
        name: "appended-client-key",
        samples: [resetPacket + Vectors.wrappedKeyWithTimestamp, resetPacket + Vectors.wrappedKeyWithUserMetadata]
    ) { input in
        guard let split = ControlWrap.splitWrappedKey(from: input[...]) else { return false }
        guard Array(split.packet) + Array(split.wrappedKey) == input, split.packet.count >= 50,
            (290...1_024).contains(split.wrappedKey.count)
        else { throw Violation("a packet was split wrongly") }
        return true
    }

    private static let dataHeaders = Target(
        name: "data-header",
        samples: [
            bytes("4800000100000001 c205d9d310eb4ae328fcf3f476ac5c83 6d4784a68aa0ed90e50119d9c0cbdf76"),
            bytes("30 00000001 cf814ef5a7981fa89e5bd3fce91fa5fd 6d4784a68aa0ed90e50119d9c0cbdf76"),
        ]
    ) { input in
        guard let header = input.withUnsafeBytes({ DataPacketHeader($0) }) else { return false }
        var written = input
        written.withUnsafeMutableBytes {
            header.layout.writeHeader(
                into: $0, keyID: header.keyID, peerID: header.peerID, packetID: header.packetID)
        }
        guard written == input else { throw Violation("a data header reads differently when it is written") }
        return true
    }

    private static let occMessages = Target.roundTrip(
        "occ", limit: 600,
        samples: [
            OCCMessage.exit.bytes, OCCMessage.reply(Array("V4,dev-type tun".utf8)).bytes, OCCMessage.request.bytes,
            OCCMessage.mtuReply(received: 1_500, sent: 1_400).bytes,
        ],
        parse: { input in input.withUnsafeBytes { OCCMessage($0) } }, serialise: { $0.bytes })

    private static let innerSamples = [
        bytes(
            """
            4500 002c 0000 4000 4006 0000 0a080002 c0000201
            0102 0050 00000001 00000000 6002 ffff 0000 0000 0204 05b4
            """),
        bytes(
            """
            6000 0000 0020 00 40 fd000000000000000000000000000002 20010db8000000000000000000000001
            0600 0104 0000 0000 0102 0050 00000001 00000000 6012 ffff 0000 0000 0204 05b4
            """),
    ]

    private static let innerPackets = Target(name: "inner-packet", samples: innerSamples) { input in
        guard let packet = input.withUnsafeBytes({ InnerPacket($0) }) else { return false }
        guard packet.length <= input.count, packet.source.isIPv4 == packet.destination.isIPv4 else {
            throw Violation("an inner packet is longer than what is there")
        }
        return true
    }

    private static let clampedPackets = Target(name: "mss", samples: innerSamples) { input in
        var packet = input
        guard packet.withUnsafeMutableBytes({ InnerPacket.clampMSS($0, maximumPacketBytes: 1_000) }) else {
            guard packet == input else { throw Violation("a packet was changed and it was not said") }
            return false
        }
        let changes = zip(packet, input).count { $0 != $1 }
        guard packet.count == input.count, (1...4).contains(changes) else {
            throw Violation("more was changed than segment size and checksum")
        }
        guard !packet.withUnsafeMutableBytes({ InnerPacket.clampMSS($0, maximumPacketBytes: 1_000) }) else {
            throw Violation("a packet was changed twice")
        }
        return true
    }

    /// Every four bytes are a packet id; a set of ids is the model.
    private static let replayWindows = Target(
        name: "replay-window", samples: [bytes("00000001 00000002 00000004 00000003 00000003 00001000 00000005")]
    ) { input in
        var window = ReplayWindow()
        var seen: Set<UInt32> = []
        var reader = ByteReader(input)
        while let id = reader.readUInt32() {
            let expected =
                id != 0 && !seen.contains(id)
                && (id > window.highest || window.highest - id < ReplayWindow.windowPackets)
            guard window.accept(id) == expected else { throw Violation("the window is wrong about \(id)") }
            if expected { seen.insert(id) }
        }
        return true
    }

    static let staticKey: StaticKey = {
        do {
            return try StaticKey(text: Vectors.staticKeyText)
        } catch {
            preconditionFailure("the published static key is not read: \(error)")
        }
    }()
}
