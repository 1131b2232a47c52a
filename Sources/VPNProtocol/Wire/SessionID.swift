/// Names one side of an OpenVPN session for its whole life, renegotiations included. Never zero.
public struct SessionID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The size on the wire, in bytes.
    public static let byteCount = 8

    /// The eight bytes as a number, first byte of the wire form most significant.
    public let rawValue: UInt64

    /// Takes a number; `nil` for zero, which is not a session id.
    public init?(rawValue: UInt64) {
        guard rawValue != 0 else { return nil }
        self.rawValue = rawValue
    }

    /// Takes exactly eight bytes, not all zero; `nil` otherwise.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        self.init(rawValue: bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// Picks a new one. The generator has to be one that nobody can predict.
    public init(using random: inout some RandomNumberGenerator) {
        rawValue = UInt64.random(in: 1...UInt64.max, using: &random)
    }

    /// The bytes in wire order.
    public var bytes: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: rawValue >> UInt64(56 - 8 * $0)) }
    }

    /// Sixteen hexadecimal digits.
    public var description: String {
        let digits = String(rawValue, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
