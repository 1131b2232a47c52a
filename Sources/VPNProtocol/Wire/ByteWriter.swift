/// Writes big-endian values one after another.
public struct ByteWriter: Sendable {
    /// What was written.
    public private(set) var bytes: [UInt8]

    /// Starts empty, with room for so many bytes.
    public init(capacity: Int = 0) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Writes a byte.
    public mutating func write(_ value: UInt8) {
        bytes.append(value)
    }

    /// Writes two bytes.
    public mutating func write(_ value: UInt16) {
        writeInteger(value)
    }

    /// Writes four bytes.
    public mutating func write(_ value: UInt32) {
        writeInteger(value)
    }

    /// Writes eight bytes.
    public mutating func write(_ value: UInt64) {
        writeInteger(value)
    }

    /// Writes the eight bytes of a session id.
    public mutating func write(_ id: SessionID) {
        writeInteger(id.rawValue)
    }

    /// Writes bytes as they are.
    public mutating func write(_ other: some Sequence<UInt8>) {
        bytes.append(contentsOf: other)
    }

    mutating func writeInteger<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value) {
        for shift in stride(from: Value.bitWidth - 8, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}
