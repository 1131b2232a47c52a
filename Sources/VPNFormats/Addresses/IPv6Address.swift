/// An IPv6 address without a zone; ``SocketAddress`` carries the zone where one matters.
public struct IPv6Address: InternetAddress {
    /// The address as a number, first byte of the wire form most significant.
    public let bits: UInt128

    /// Makes the address of a number.
    @inlinable
    public init(bits: UInt128) { self.bits = bits }

    /// Reads any text of RFC 4291 §2.2: eight groups, `::` for zeros once, an IPv4 address as the last two groups.
    public init?(_ description: String) {
        self.init(text: description.utf8[...])
    }

    init?(text: Substring.UTF8View) {
        guard text.count >= 2, text.count <= 45, let parsed = IPv6Text.parse(text) else { return nil }
        bits = parsed
    }

    /// The text of RFC 5952: lower case, no leading zeros, the longest run of zero groups as `::`, IPv4-mapped
    /// addresses with dotted decimal at the end.
    public var description: String { IPv6Text.print(self) }

    /// `::`.
    public static let any = IPv6Address(bits: 0)
    /// `::1`.
    public static let loopback = IPv6Address(bits: 1)

    /// Whether the address is `::1`.
    public var isLoopback: Bool { bits == 1 }
    /// Whether the address is one of fe80::/10.
    public var isLinkLocal: Bool { bits >> 118 == 0x3FA }
    /// Whether the address is one of ff00::/8.
    public var isMulticast: Bool { bits >> 120 == 0xFF }
    /// Whether the address is one of the unique local networks fc00::/7 (RFC 4193).
    public var isUniqueLocal: Bool { bits >> 121 == 0x7E }

    /// The IPv4 address of `::ffff:a.b.c.d`, if this is such an address.
    public var ipv4Mapped: IPv4Address? {
        bits >> 32 == 0xFFFF ? IPv4Address(bits: UInt32(truncatingIfNeeded: bits)) : nil
    }

    /// The address `::ffff:a.b.c.d` of an IPv4 address.
    public init(mapping address: IPv4Address) {
        bits = 0xFFFF << 32 | UInt128(address.bits)
    }

    /// The eight groups of 16 bits, first one first.
    public var groups: [UInt16] {
        stride(from: 112, through: 0, by: -16).map { UInt16(truncatingIfNeeded: bits >> UInt128($0)) }
    }
}

extension IPv6Address {
    /// Reads the text form.
    public init(from decoder: any Decoder) throws {
        self = try decodeText(from: decoder)
    }

    /// Writes the text form.
    public func encode(to encoder: any Encoder) throws {
        try encodeText(self, to: encoder)
    }
}
