/// Numbers the TLS sessions of one OpenVPN session: 0 for the first, 1 to 7 in turn for renegotiations.
public struct KeyID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The number, 0 to 7.
    public let rawValue: UInt8

    /// Takes a number; `nil` above 7.
    @inlinable
    public init?(rawValue: UInt8) {
        guard rawValue < 8 else { return nil }
        self.rawValue = rawValue
    }

    @usableFromInline
    init(lowBitsOf byte: UInt8) {
        rawValue = byte & 7
    }

    /// The key id of the first TLS session.
    public static let initial = KeyID(lowBitsOf: 0)

    /// The key id of the next renegotiation: never 0 again, 1 after 7.
    @inlinable
    public var next: KeyID { KeyID(lowBitsOf: rawValue == 7 ? 1 : rawValue + 1) }

    /// The number.
    public var description: String { "\(rawValue)" }
}
