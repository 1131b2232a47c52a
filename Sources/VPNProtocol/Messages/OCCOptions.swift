/// The options that peers show each other at the key exchange, to find out about differences (OpenVPN protocol,
/// `options.c`): `V4,dev-type tun,link-mtu 1541,…`.
public struct OCCOptions: Hashable, Sendable {
    /// Longer texts are refused, in bytes.
    public static let maximumBytes = 511

    /// The parts between commas.
    public let parts: [String]

    /// Reads a text; characters that cannot be printed become `_`.
    ///
    /// - Returns: `nil` if it is too long.
    public init?(text: String) {
        guard text.utf8.count <= Self.maximumBytes else { return nil }
        let clean = text.utf8.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "_") }
        parts = clean.split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) }
    }

    private init(parts: [String]) {
        self.parts = parts
    }

    /// The options as they are sent.
    public var text: String { parts.joined(separator: ",") }

    /// What follows an option's name, empty if nothing does; `nil` if the option is not there.
    public subscript(name: String) -> String? {
        for part in parts {
            if part == name { return "" }
            if part.hasPrefix(name), part.dropFirst(name.count).first == " " {
                return String(part.dropFirst(name.count + 1))
            }
        }
        return nil
    }

    /// The name of the cipher that the client is configured for.
    public var cipher: String? { self["cipher"] }
    /// `tun` or `tap`.
    public var deviceType: String? { self["dev-type"] }
    /// Whether the client frames its packets for compression.
    public var usesCompressionFraming: Bool { self["comp-lzo"] != nil }
    /// Whether the client cuts its packets into fragments.
    public var usesFragments: Bool { self["mtu-dynamic"] != nil }

    /// What a peer with these options expects to see: the same, with the two sides exchanged. Never empty, because
    /// older clients take an empty text for an error.
    public func mirrored() -> OCCOptions {
        guard !parts.isEmpty else { return OCCOptions(parts: ["V4"]) }
        return OCCOptions(parts: parts.map(Self.mirror))
    }

    private static func mirror(_ part: String) -> String {
        switch part {
        case "tls-client": "tls-server"
        case "tls-server": "tls-client"
        case "keydir 0": "keydir 1"
        case "keydir 1": "keydir 0"
        case _ where part.hasPrefix("proto ") && part.hasSuffix("_CLIENT"): String(part.dropLast(6)) + "SERVER"
        case _ where part.hasPrefix("proto ") && part.hasSuffix("_SERVER"): String(part.dropLast(6)) + "CLIENT"
        default: part
        }
    }
}
