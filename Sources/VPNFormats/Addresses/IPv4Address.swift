/// An IPv4 address.
public struct IPv4Address: InternetAddress {
    /// The address as a number, first byte of the wire form most significant.
    public let bits: UInt32

    /// Makes the address of a number.
    @inlinable
    public init(bits: UInt32) { self.bits = bits }

    /// Makes an address of its four parts.
    public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
        bits = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
    }

    /// Reads dotted decimal text: four numbers of 0 to 255 without leading zeros.
    public init?(_ description: String) {
        self.init(text: description.utf8[...])
    }

    init?(text: Substring.UTF8View) {
        var bits: UInt32 = 0
        var dots = 0
        var part: UInt32?
        for character in text {
            if character == UInt8(ascii: ".") {
                guard let value = part, dots < 3 else { return nil }
                bits = bits << 8 | value
                dots += 1
                part = nil
            } else {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character), part != 0 else { return nil }
                let value = (part ?? 0) * 10 + UInt32(character - UInt8(ascii: "0"))
                guard value <= 255 else { return nil }
                part = value
            }
        }
        guard let value = part, dots == 3 else { return nil }
        bits = bits << 8 | value
        self.bits = bits
    }

    /// Dotted decimal text.
    public var description: String {
        "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)"
    }

    /// 0.0.0.0.
    public static let any = IPv4Address(bits: 0)
    /// 127.0.0.1.
    public static let loopback = IPv4Address(127, 0, 0, 1)

    /// Whether the address is one of 127.0.0.0/8.
    public var isLoopback: Bool { bits >> 24 == 127 }
    /// Whether the address is one of 224.0.0.0/4.
    public var isMulticast: Bool { bits >> 28 == 14 }
    /// Whether the address is one of 169.254.0.0/16.
    public var isLinkLocal: Bool { bits >> 16 == 0xA9FE }
    /// Whether the address is one of the private networks of RFC 1918.
    public var isPrivate: Bool { bits >> 24 == 10 || bits >> 20 == 0xAC1 || bits >> 16 == 0xC0A8 }
}

extension IPv4Address {
    /// Reads the text form.
    public init(from decoder: any Decoder) throws {
        self = try decodeText(from: decoder)
    }

    /// Writes the text form.
    public func encode(to encoder: any Encoder) throws {
        try encodeText(self, to: encoder)
    }
}
