/// An IPv4 or IPv6 network.
public enum IPPrefix: Hashable, Sendable, Codable, LosslessStringConvertible {
    /// An IPv4 network.
    case v4(IPv4Prefix)
    /// An IPv6 network.
    case v6(IPv6Prefix)

    /// Reads `address/length` of either family; see ``init(parsing:)`` for a reason when it is refused.
    public init?(_ description: String) {
        guard let prefix = try? IPPrefix(parsing: description) else { return nil }
        self = prefix
    }

    /// Reads `address/length` of either family.
    ///
    /// - Throws: ``FormatError`` with `malformed` or `outOfRange`.
    public init(parsing text: String) throws(FormatError) {
        if text.utf8.contains(UInt8(ascii: ":")) {
            self = .v6(try IPv6Prefix(parsing: text))
        } else {
            self = .v4(try IPv4Prefix(parsing: text))
        }
    }

    /// The network of a length that an address lies in; `nil` if the family has no such length.
    public init?(containing address: IPAddress, length: Int) {
        switch address {
        case .v4(let address):
            guard let prefix = IPv4Prefix(containing: address, length: length) else { return nil }
            self = .v4(prefix)
        case .v6(let address):
            guard let prefix = IPv6Prefix(containing: address, length: length) else { return nil }
            self = .v6(prefix)
        }
    }

    /// The text `address/length`.
    public var description: String {
        switch self {
        case .v4(let prefix): prefix.description
        case .v6(let prefix): prefix.description
        }
    }

    /// The first address of the network.
    public var address: IPAddress {
        switch self {
        case .v4(let prefix): .v4(prefix.address)
        case .v6(let prefix): .v6(prefix.address)
        }
    }

    /// How many leading bits are common.
    public var length: Int {
        switch self {
        case .v4(let prefix): prefix.length
        case .v6(let prefix): prefix.length
        }
    }

    /// Whether an address lies in the network; never true for the other family.
    public func contains(_ address: IPAddress) -> Bool {
        switch (self, address) {
        case (.v4(let prefix), .v4(let address)): prefix.contains(address)
        case (.v6(let prefix), .v6(let address)): prefix.contains(address)
        case (.v4, .v6), (.v6, .v4): false
        }
    }

    /// Whether the networks have an address in common; never true for different families.
    public func overlaps(_ other: IPPrefix) -> Bool {
        switch (self, other) {
        case (.v4(let left), .v4(let right)): left.overlaps(right)
        case (.v6(let left), .v6(let right)): left.overlaps(right)
        case (.v4, .v6), (.v6, .v4): false
        }
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
