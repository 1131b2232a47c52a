/// What a peer tells of itself at the key exchange: lines of `KEY=value`.
///
/// All of it is the peer's word. Keys consist of letters, digits and `_`, values of printable ASCII (anything else
/// becomes `_`); lines, keys and values beyond the limits are left out, so that the content can be logged.
public struct PeerInfo: Hashable, Sendable {
    /// Further lines are left out.
    public static let maximumLines = 64
    /// Lines with longer keys are left out, in characters.
    public static let maximumKeyCharacters = 64
    /// Longer values are cut, in characters.
    public static let maximumValueCharacters = 512
    /// What comes beyond so many bytes of text is not looked at.
    public static let maximumTextBytes = 16_384

    /// One line.
    public struct Entry: Hashable, Sendable {
        /// The part before the first `=`.
        public let key: String
        /// The part behind it.
        public let value: String
    }

    /// The lines in their order.
    public private(set) var entries: [Entry]

    /// Nothing is known of the peer.
    public init() {
        entries = []
    }

    /// Makes peer info of keys and values; they are treated as if a peer had sent them.
    public init(_ pairs: KeyValuePairs<String, String>) {
        self.init(text: pairs.map { "\($0.key)=\($0.value)" }.joined(separator: "\n"))
    }

    /// Reads the lines that are well-formed.
    public init(text: String) {
        self.init(bytes: Array(text.utf8))
    }

    /// Reads the lines that are well-formed.
    public init(bytes: some Collection<UInt8>) {
        entries = []
        for line in bytes.prefix(Self.maximumTextBytes).split(separator: UInt8(ascii: "\n")) {
            guard entries.count < Self.maximumLines else { return }
            let parts = line.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, (1...Self.maximumKeyCharacters).contains(parts[0].count),
                parts[0].allSatisfy(Self.isKeyCharacter)
            else { continue }
            let value = parts[1].prefix(Self.maximumValueCharacters)
            entries.append(Entry(key: String(decoding: parts[0], as: UTF8.self), value: Self.sanitised(value)))
        }
    }

    /// The lines as they are sent, each ended by a line feed.
    public var text: String {
        entries.map { "\($0.key)=\($0.value)\n" }.joined()
    }

    /// The value of the first line with a key.
    public subscript(key: String) -> String? {
        entries.first { $0.key == key }?.value
    }

    private static func isKeyCharacter(_ character: UInt8) -> Bool {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func sanitised(_ value: some Collection<UInt8>) -> String {
        var value = Array(value)
        if value.last == UInt8(ascii: "\r") { value.removeLast() }
        return String(decoding: value.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
    }
}

extension PeerInfo {
    /// The client's version, `IV_VER`.
    public var version: ClientVersion? { self["IV_VER"].flatMap(ClientVersion.init) }

    /// The client's operating system, `IV_PLAT`: linux, win, mac, android, ios, freebsd…
    public var platform: String? { self["IV_PLAT"] }

    /// What the client understands, `IV_PROTO`; nothing if it does not say.
    public var protocolFlags: ProtocolFlags {
        ProtocolFlags(rawValue: self["IV_PROTO"].flatMap { UInt32($0) } ?? 0)
    }

    /// Whether the client is one of the OpenVPN 3 core, as OpenVPN Connect is.
    public var isOpenVPN3: Bool { (version?.major ?? 0) >= 3 }

    /// The largest tun MTU that may be pushed, `IV_MTU`; `nil` if none may.
    public var maximumTunMTU: Int? {
        guard let value = self["IV_MTU"].flatMap({ Int($0) }), (576...65_535).contains(value) else { return nil }
        return value
    }

    /// The names of the ciphers that the client accepts, in its order; empty if it does not say.
    public var ciphers: [String] {
        if let list = self["IV_CIPHERS"] {
            return list.split(separator: ":").prefix(64).map(String.init)
        }
        return supportsNegotiationLevel2 ? ["AES-256-GCM", "AES-128-GCM"] : []
    }

    /// Whether a cipher may be pushed to the client.
    public var acceptsPushedCipher: Bool { self["IV_CIPHERS"] != nil || supportsNegotiationLevel2 }

    /// The ways of a second login step that the client can show, `IV_SSO`.
    public var singleSignOnMethods: [String] {
        self["IV_SSO"]?.split(separator: ",").prefix(16).map(String.init) ?? []
    }

    private var supportsNegotiationLevel2: Bool { (self["IV_NCP"].flatMap { UInt32($0) } ?? 0) >= 2 }
}

extension PeerInfo: StateCodable {
    /// Writes the text.
    public func encode(into writer: inout StateWriter) {
        writer.write(text: text)
    }

    /// Reads the text.
    public init(from reader: inout StateReader) throws(StateError) {
        let limit = Self.maximumLines * (Self.maximumKeyCharacters + Self.maximumValueCharacters + 2)
        var rest = try reader.readBytes(maximum: limit)[...]
        self.init()
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            entries += PeerInfo(bytes: rest[...end]).entries
            rest = rest[(end + 1)...]
        }
        guard entries.count <= Self.maximumLines, rest.isEmpty else { throw .invalidValue }
    }
}
