/// Where packets come from or go to: an address, a port, and for link-local IPv6 the interface.
public struct SocketAddress: Hashable, Sendable, Codable, LosslessStringConvertible {
    /// The address.
    public var ip: IPAddress
    /// The UDP or TCP port.
    public var port: UInt16
    /// The index of the interface that a link-local IPv6 address belongs to; 0 for all other addresses.
    public var scope: UInt32

    /// Makes an address of its parts.
    public init(ip: IPAddress, port: UInt16, scope: UInt32 = 0) {
        self.ip = ip
        self.port = port
        self.scope = scope
    }

    /// Reads `192.0.2.1:1194`, `[2001:db8::1]:1194` or `[fe80::1%2]:1194`; the zone is a number.
    public init?(_ description: String) {
        guard description.utf8.count <= 64, let colon = description.utf8.lastIndex(of: UInt8(ascii: ":")),
            let port = Decimal.parse(description.utf8[description.utf8.index(after: colon)...], maximum: 65_535)
        else { return nil }
        let host = description.utf8[..<colon]
        if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") {
            self.init(bracketed: host.dropFirst().dropLast(), port: UInt16(port))
        } else {
            guard let address = IPv4Address(text: host) else { return nil }
            self.init(ip: .v4(address), port: UInt16(port))
        }
    }

    private init?(bracketed text: Substring.UTF8View, port: UInt16) {
        let parts = text.split(separator: UInt8(ascii: "%"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPv6Address(text: first) else { return nil }
        var scope: UInt64 = 0
        if parts.count == 2 {
            guard let zone = Decimal.parse(parts[1], maximum: UInt64(UInt32.max)) else { return nil }
            scope = zone
        }
        self.init(ip: .v6(address), port: port, scope: UInt32(scope))
    }

    /// The text form.
    public var description: String {
        switch ip {
        case .v4(let address): "\(address):\(port)"
        case .v6(let address): scope == 0 ? "[\(address)]:\(port)" : "[\(address)%\(scope)]:\(port)"
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
