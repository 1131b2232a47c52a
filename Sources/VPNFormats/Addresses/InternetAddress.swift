/// What IPv4 and IPv6 addresses have in common, so that prefixes are written once.
public protocol InternetAddress: Hashable, Comparable, Sendable, Codable, LosslessStringConvertible {
    /// An unsigned number as wide as the address.
    associatedtype Bits: FixedWidthInteger & UnsignedInteger & Sendable

    /// The address as a number, first byte of the wire form most significant.
    var bits: Bits { get }

    /// Makes the address of a number.
    init(bits: Bits)
}

extension InternetAddress {
    /// Addresses are ordered as numbers.
    @inlinable
    public static func < (left: Self, right: Self) -> Bool { left.bits < right.bits }

    /// The bytes in wire order.
    @inlinable
    public var bytes: [UInt8] {
        withUnsafeBytes(of: bits.bigEndian) { Array($0) }
    }

    /// Takes bytes in wire order; `nil` if there are not exactly as many as an address has.
    @inlinable
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Bits.bitWidth / 8 else { return nil }
        var bits = Bits.zero
        for byte in bytes { bits = bits << 8 | Bits(truncatingIfNeeded: byte) }
        self.init(bits: bits)
    }

    /// The address `offset` further on, or `nil` beyond the last one.
    public func advanced(by offset: UInt64) -> Self? {
        guard let offset = Bits(exactly: offset) else { return nil }
        let (sum, overflow) = bits.addingReportingOverflow(offset)
        return overflow ? nil : Self(bits: sum)
    }
}
