/// What a node listens on: `udp:1194`, `udp:192.0.2.1:1194`, `udp:[::]:1194`, `tcp:443`.
public struct ListenAddress: Hashable, Sendable, Codable, LosslessStringConvertible {
    /// The protocol.
    public var transport: TransportProtocol
    /// The local address; `nil` for all addresses of both families.
    public var address: IPAddress?
    /// The local port, 1 to 65535.
    public var port: UInt16

    /// Makes an address of its parts.
    public init(transport: TransportProtocol, address: IPAddress? = nil, port: UInt16) {
        self.transport = transport
        self.address = address
        self.port = port
    }

    /// Reads the text form; see ``init(parsing:)`` for a reason when it is refused.
    public init?(_ description: String) {
        guard let address = try? ListenAddress(parsing: description) else { return nil }
        self = address
    }

    /// Reads the text form.
    ///
    /// - Throws: ``FormatError`` with `malformed` or `outOfRange`.
    public init(parsing text: String) throws(FormatError) {
        let forms = "write udp:1194, udp:192.0.2.1:1194, udp:[::]:1194 or tcp:443"
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        guard text.utf8.count <= 64, parts.count == 2,
            let transport = TransportProtocol(rawValue: String(Substring(parts[0])))
        else {
            throw FormatError(.malformed, "this is not an address to listen on; \(forms)")
        }
        let rest = parts[1]
        if !rest.contains(UInt8(ascii: ":")) {
            guard let port = Decimal.parse(rest, maximum: 65_535), port > 0 else {
                throw FormatError(.outOfRange, "a port is a number from 1 to 65535; \(forms)")
            }
            self.init(transport: transport, port: UInt16(port))
        } else {
            guard let address = SocketAddress(String(Substring(rest))), address.scope == 0, address.port > 0 else {
                throw FormatError(.malformed, "this is not an address to listen on; \(forms)")
            }
            self.init(transport: transport, address: address.ip, port: address.port)
        }
    }

    /// The text form.
    public var description: String {
        guard let address else { return "\(transport.rawValue):\(port)" }
        return "\(transport.rawValue):\(SocketAddress(ip: address, port: port))"
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
