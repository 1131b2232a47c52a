import ProtocolTestKit
import VPNFormats

extension Targets {
    /// Texts of files, settings and command lines.
    static let files: [Target] = [
        base64, hex, pemBlocks, staticKeys, clientKeys,
        .text(IPv4Address.self, samples: ["192.0.2.1", "0.0.0.0"]),
        .text(IPv6Address.self, samples: ["::", "2001:db8::1", "::ffff:192.0.2.1", "1:2:3:4:5:6:7:8"]),
        .text(IPAddress.self, samples: ["192.0.2.1", "fe80::1"]),
        .text(IPPrefix.self, samples: ["10.8.0.0/16", "fd00:8::/64", "::/0"]),
        .text(SocketAddress.self, samples: ["192.0.2.1:1194", "[fe80::1%2]:1194"]),
        .text(ListenAddress.self, samples: ["udp:1194", "udp:[::]:1194", "tcp:192.0.2.1:443"]),
    ]

    private static let base64 = Target(
        name: "base64", samples: ["Zm9vYmFy", "Zm9vYg==", "Zm9vYmE=", ""].map { Array($0.utf8) }
    ) { input in
        let text = String(decoding: input, as: UTF8.self)
        guard let decoded = Base64.decode(text) else { return false }
        guard Base64.encode(decoded) == text else { throw Violation("base64 with two forms") }
        return true
    }

    private static let hex = Target.roundTrip(
        "hex", limit: 8_192, samples: [Array("00ff10Ab".utf8)],
        parse: { Hex.decode(String(decoding: $0, as: UTF8.self)) }, serialise: { Array(Hex.encode($0).utf8) })

    private static let pemBlocks = Target.roundTrip(
        "pem", limit: 16_384, samples: [Array(PEMBlock(label: "X", bytes: Array(0...99)).text.utf8)],
        parse: { try? PEMBlock(label: "X", in: String(decoding: $0, as: UTF8.self)) },
        serialise: { Array($0.text.utf8) })

    private static let staticKeys = Target.roundTrip(
        "static-key", limit: 1_024, samples: [Array(Vectors.staticKeyText.utf8)],
        parse: { try? StaticKey(text: String(decoding: $0, as: UTF8.self)) }, serialise: { Array($0.text.utf8) })

    private static let clientKeys: Target = {
        let sample = PEMBlock(
            label: TLSCryptV2ClientKey.label, bytes: Vectors.clientKeyBytes + Vectors.wrappedKeyWithUserMetadata)
        return .roundTrip(
            "client-key", limit: 4_096, samples: [Array(sample.text.utf8)],
            parse: { try? TLSCryptV2ClientKey(pem: String(decoding: $0, as: UTF8.self)) },
            serialise: { Array($0.pem.utf8) })
    }()
}
