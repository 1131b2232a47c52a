/// A network: all addresses that begin with the same bits. Bits beyond the length are always zero.
public struct AddressPrefix<Address: InternetAddress>: Hashable, Sendable, Codable, LosslessStringConvertible {
    /// The first address of the network.
    public let address: Address
    /// How many leading bits are common, 0 to 32 or 128.
    public let length: Int

    /// The network of a length that an address lies in.
    ///
    /// - Returns: `nil` if the length is not one of an address of this family.
    public init?(containing address: Address, length: Int) {
        guard length >= 0, length <= Address.Bits.bitWidth else { return nil }
        self.address = Address(bits: address.bits & Self.mask(length: length))
        self.length = length
    }

    /// A network from its first address and length.
    ///
    /// - Returns: `nil` if the address has bits beyond the length, or the length is out of range.
    public init?(_ address: Address, length: Int) {
        self.init(containing: address, length: length)
        guard self.address == address else { return nil }
    }

    /// Reads `address/length`; bits beyond the length are refused. See ``init(parsing:)`` for a reason.
    public init?(_ description: String) {
        guard let prefix = try? Self(parsing: description) else { return nil }
        self = prefix
    }

    /// Reads `address/length`.
    ///
    /// - Throws: ``FormatError`` with `malformed`, or `outOfRange` if the length is too large or the address has bits
    ///   beyond it; the message then names the network that was probably meant.
    public init(parsing text: String) throws(FormatError) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        guard text.utf8.count <= 64, parts.count == 2, let address = Address(String(Substring(parts[0]))),
            let length = Decimal.parse(parts[1], maximum: 999)
        else {
            throw FormatError(.malformed, "a network is written as address/length, such as \(Self.example)")
        }
        guard let prefix = Self(containing: address, length: Int(length)) else {
            throw FormatError(.outOfRange, "the length of this network is at most \(Address.Bits.bitWidth)")
        }
        guard prefix.address == address else {
            throw FormatError(.outOfRange, "\(address) has bits beyond /\(length); the network is \(prefix)")
        }
        self = prefix
    }

    private static var example: String { Address.Bits.bitWidth == 32 ? "10.8.0.0/16" : "fd00:8::/64" }

    @usableFromInline
    static func mask(length: Int) -> Address.Bits {
        length <= 0 ? 0 : ~Address.Bits.zero << (Address.Bits.bitWidth - length)
    }

    /// The text `address/length`.
    public var description: String { "\(address)/\(length)" }

    /// The last address of the network; for IPv4 the broadcast address where there is one.
    public var lastAddress: Address { Address(bits: address.bits | ~Self.mask(length: length)) }

    /// The first address that a host can have: the network's own address in /31, /32, /127 and /128, else the next.
    public var firstHost: Address {
        length >= Address.Bits.bitWidth - 1 ? address : Address(bits: address.bits | 1)
    }

    /// The address at a distance from the first one, or `nil` if that lies outside of the network.
    public func address(at offset: UInt64) -> Address? {
        guard let result = address.advanced(by: offset), contains(result) else { return nil }
        return result
    }

    /// Whether an address lies in the network.
    @inlinable
    public func contains(_ other: Address) -> Bool {
        other.bits & Self.mask(length: length) == address.bits
    }

    /// Whether every address of another network lies in this one.
    public func contains(_ other: Self) -> Bool {
        other.length >= length && contains(other.address)
    }

    /// Whether the networks have an address in common.
    public func overlaps(_ other: Self) -> Bool {
        contains(other.address) || other.contains(address)
    }

    /// How many networks of a length this one can be cut into; `nil` if none, or more than a `UInt64` counts.
    public func subprefixCount(length other: Int) -> UInt64? {
        guard other >= length, other <= Address.Bits.bitWidth, other - length < 64 else { return nil }
        return 1 << UInt64(other - length)
    }

    /// The network at an index among the equal ones of a length that this one can be cut into.
    ///
    /// - Returns: `nil` if there is no such network.
    public func subprefix(_ index: UInt64, length other: Int) -> Self? {
        guard other >= length, other <= Address.Bits.bitWidth else { return nil }
        if let count = subprefixCount(length: other), index >= count { return nil }
        let offset = other == 0 ? 0 : Address.Bits(truncatingIfNeeded: index) << (Address.Bits.bitWidth - other)
        return Self(containing: Address(bits: address.bits | offset), length: other)
    }

    /// Reads the text form.
    public init(from decoder: any Decoder) throws {
        self = try decodeText(from: decoder)
    }

    /// Writes the text form.
    public func encode(to encoder: any Encoder) throws {
        try encodeText(self, to: encoder)
    }
}

/// An IPv4 network.
public typealias IPv4Prefix = AddressPrefix<IPv4Address>
/// An IPv6 network.
public typealias IPv6Prefix = AddressPrefix<IPv6Address>

extension AddressPrefix where Address == IPv4Address {
    /// The mask that older options want instead of a length, such as 255.255.255.0 for 24.
    public var netmask: IPv4Address { IPv4Address(bits: Self.mask(length: length)) }
}
