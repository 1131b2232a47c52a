import ProtocolTestKit
import VPNFormats
import VPNProtocol

extension Targets {
    /// What comes out of the TLS session, and sessions that were written out.
    static let messages: [Target] = [
        clientKeyMessages, serverKeyMessages, peerInfo, occOptions, controlRecords, controlMessages, authTokens,
        states,
    ]

    private static let peerText = "IV_VER=2.6.14\nIV_PLAT=linux\nIV_PROTO=990\nIV_CIPHERS=AES-256-GCM:AES-128-GCM\n"
    private static let optionText =
        "V4,dev-type tun,link-mtu 1541,tun-mtu 1500,proto UDPv4,cipher AES-256-GCM,tls-client"

    private static func string(_ text: String) -> [UInt8] {
        let count = text.utf8.count + 1
        return [UInt8(count >> 8), UInt8(count & 255)] + Array(text.utf8) + [0]
    }

    private static let clientKeyMessages = Target(
        name: "client-key-message",
        samples: [
            [0, 0, 0, 0, 2] + [UInt8](repeating: 7, count: 112) + string(optionText) + string("ann") + string("secret")
                + string(peerText),
            [0, 0, 0, 0, 2] + [UInt8](repeating: 7, count: 112) + string("V4") + [0, 0, 0, 0],
        ]
    ) { input in
        guard let message = try? ClientKeyMessage(bytes: input) else { return false }
        let written = message.bytes
        guard written.count <= 16_384 + 64 * 1_024 else { throw Violation("a key message of \(written.count) bytes") }
        guard case .success = message.credentials else { return true }
        guard (try? ClientKeyMessage(bytes: written)) == message else {
            throw Violation("a client's key message reads differently when it is written")
        }
        return true
    }

    private static let serverKeyMessages = Target.roundTrip(
        "server-key-message", limit: 8_192,
        samples: [[0, 0, 0, 0, 2] + [UInt8](repeating: 7, count: 64) + string(optionText) + [0, 0, 0, 0, 0, 0]],
        parse: { try? ServerKeyMessage(bytes: $0) }, serialise: { $0.bytes })

    private static let peerInfo = Target.roundTrip(
        "peer-info", limit: 64 * 1_024, samples: [Array(peerText.utf8)],
        parse: { input -> PeerInfo? in
            let info = PeerInfo(bytes: input)
            _ = (info.version, info.protocolFlags, info.maximumTunMTU, info.ciphers, info.singleSignOnMethods)
            return info
        }, serialise: { Array($0.text.utf8) })

    private static let occOptions = Target.roundTrip(
        "occ-options", limit: 511, samples: [Array(optionText.utf8), Array("V4,proto TCPv4_CLIENT,keydir 1".utf8)],
        parse: { input -> OCCOptions? in
            guard let options = OCCOptions(text: String(decoding: input, as: UTF8.self)) else { return nil }
            _ = (options.cipher, options.deviceType, options.usesCompressionFraming, options.usesFragments)
            guard options.mirrored().text.utf8.count <= 511 else { return nil }
            return options
        }, serialise: { Array($0.text.utf8) })

    private static let texts = [
        "PUSH_REQUEST", "EXIT", "CR_RESPONSE,MTIz", "INFO,text", "INFO_PRE,WEB_AUTH::https://example.org",
        "AUTH_FAILED", "AUTH_FAILED,SESSION:expired", "AUTH_FAILED,TEMP[backoff 42,advance no]:full",
        "AUTH_FAILED,CRV1:R,E:state:YQ==:code", "AUTH_PENDING,timeout 60", "RESTART,[NP]:moving", "HALT,bye",
        "PUSH_REPLY,topology subnet,ifconfig 10.8.0.2 255.255.0.0,push-continuation 2",
    ]

    private static let controlRecords = Target(
        name: "control-record",
        samples: texts.map { Array($0.utf8) + [0] } + [Array("EXIT\r\n\0\0PUSH_REQUEST\0".utf8)]
    ) { input in
        let messages = ControlMessage.messages(in: input)
        for message in messages {
            guard ControlMessage.messages(in: message.bytes) == [message] else {
                throw Violation("a control message reads differently when it is written: \(message)")
            }
        }
        return !messages.isEmpty
    }

    private static let controlMessages = Target(
        name: "control-message", samples: texts.map { Array($0.utf8) }
    ) { input in
        let text = String(decoding: input, as: UTF8.self)
        let message = ControlMessage(text: text)
        guard message.text.utf8.count <= text.utf8.count + 64 else { throw Violation("a message grows") }
        guard message.bytes.dropLast().allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw Violation("a message has control characters")
        }
        return true
    }

    private static let authTokens = Target(
        name: "auth-token", samples: [Array(Vectors.authToken.utf8)]
    ) { input in
        let crypto = TestCryptography()
        let text = String(decoding: input, as: UTF8.self)
        guard let key = try? AuthTokenKey(bytes: [UInt8](repeating: 0, count: 128)),
            let found = try? AuthToken.decode(text: text, username: "test user name", key: key, crypto: crypto)
        else { return false }
        guard found.token.encode(username: "test user name", key: key, crypto: crypto) == text else {
            throw Violation("a token that was not issued was accepted")
        }
        return true
    }

    /// One value of each kind that is written into sessions.
    private struct State: Equatable {
        var window: ReplayWindow
        var control: ControlReplayWindow
        var sequence: LongPacketIDSequence
        var wrap: ControlWrap
        var material: KeyMaterial
        var keys: DataKeys
        var peerInfo: PeerInfo

        init?(_ bytes: [UInt8]) {
            do throws(StateError) {
                var reader = try StateReader(bytes, versions: 1...1)
                window = try reader.read(ReplayWindow.self)
                control = try reader.read(ControlReplayWindow.self)
                sequence = try reader.read(LongPacketIDSequence.self)
                wrap = try reader.read(ControlWrap.self)
                material = try reader.read(KeyMaterial.self)
                keys = try reader.read(DataKeys.self)
                peerInfo = try reader.read(PeerInfo.self)
                try reader.finish()
            } catch {
                return nil
            }
        }

        var bytes: [UInt8] {
            var writer = StateWriter(version: 1)
            writer.write(window)
            writer.write(control)
            writer.write(sequence)
            writer.write(wrap)
            writer.write(material)
            writer.write(keys)
            writer.write(peerInfo)
            return writer.bytes
        }
    }

    private static let states: Target = {
        var writer = StateWriter(version: 1)
        var window = ReplayWindow()
        for id in 1...UInt32(300) where id % 3 != 0 { window.mark(id) }
        writer.write(window)
        var control = ControlReplayWindow()
        _ = control.accept(LongPacketID(id: 9, time: 1))
        writer.write(control)
        writer.write(LongPacketIDSequence(after: 7, time: 1))
        if let key = try? StaticKey(text: Vectors.staticKeyText) {
            writer.write(ControlWrap(key: key, role: .server))
        }
        if let material = KeyMaterial(exported: Array(0...255)),
            let keys = material.dataKeys(cipher: .aes256GCM, role: .server)
        {
            writer.write(material)
            writer.write(keys)
        }
        writer.write(PeerInfo(text: peerText))
        return Target.roundTrip(
            "session-state", limit: 65_536, samples: [writer.bytes], parse: { State($0) }, serialise: { $0.bytes })
    }()
}
