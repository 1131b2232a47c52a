/// An IPv4 or IPv6 address.
public enum IPAddress: Hashable, Sendable, Codable, LosslessStringConvertible {
    /// An IPv4 address.
    case v4(IPv4Address)
    /// An IPv6 address.
    case v6(IPv6Address)

    /// Reads either text form.
    public init?(_ description: String) {
        if let address = IPv4Address(description) {
            self = .v4(address)
        } else if let address = IPv6Address(description) {
            self = .v6(address)
        } else {
            return nil
        }
    }

    /// The text form of the address.
    public var description: String {
        switch self {
        case .v4(let address): address.description
        case .v6(let address): address.description
        }
    }

    /// The bytes in wire order, 4 or 16.
    public var bytes: [UInt8] {
        switch self {
        case .v4(let address): address.bytes
        case .v6(let address): address.bytes
        }
    }

    /// Takes 4 or 16 bytes in wire order; `nil` for any other number of them.
    public init?(bytes: some Collection<UInt8>) {
        if let address = IPv4Address(bytes: bytes) {
            self = .v4(address)
        } else if let address = IPv6Address(bytes: bytes) {
            self = .v6(address)
        } else {
            return nil
        }
    }

    /// Whether this is an IPv4 address.
    public var isIPv4: Bool {
        if case .v4 = self { true } else { false }
    }

    /// The IPv4 address where this is an IPv4-mapped IPv6 address, otherwise the address itself.
    public var unmapped: IPAddress {
        if case .v6(let address) = self, let mapped = address.ipv4Mapped { .v4(mapped) } else { self }
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
