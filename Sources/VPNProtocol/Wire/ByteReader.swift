/// Reads big-endian values one after another; every read says `nil` instead of going beyond the end.
///
/// A read that fails leaves the position where it was.
public struct ByteReader: Sendable {
    /// What was not read yet.
    public private(set) var remaining: ArraySlice<UInt8>

    /// Reads from a slice.
    public init(_ bytes: ArraySlice<UInt8>) {
        remaining = bytes
    }

    /// Reads from an array.
    public init(_ bytes: [UInt8]) {
        remaining = bytes[...]
    }

    /// Whether everything was read.
    public var isAtEnd: Bool { remaining.isEmpty }

    /// The next byte.
    public mutating func readUInt8() -> UInt8? {
        remaining.popFirst()
    }

    /// The next two bytes.
    public mutating func readUInt16() -> UInt16? {
        read(UInt16.self)
    }

    /// The next four bytes.
    public mutating func readUInt32() -> UInt32? {
        read(UInt32.self)
    }

    /// The next eight bytes.
    public mutating func readUInt64() -> UInt64? {
        read(UInt64.self)
    }

    /// The next bytes.
    public mutating func readBytes(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, count <= remaining.count else { return nil }
        defer { remaining = remaining.dropFirst(count) }
        return remaining.prefix(count)
    }

    /// The next eight bytes as a session id; `nil` too if they are all zero.
    public mutating func readSessionID() -> SessionID? {
        guard let id = SessionID(bytes: remaining.prefix(SessionID.byteCount)) else { return nil }
        remaining = remaining.dropFirst(SessionID.byteCount)
        return id
    }

    /// Everything that is left.
    public mutating func readRest() -> ArraySlice<UInt8> {
        defer { remaining = remaining.suffix(0) }
        return remaining
    }

    mutating func read<Value: FixedWidthInteger & UnsignedInteger>(_: Value.Type) -> Value? {
        let size = Value.bitWidth / 8
        guard remaining.count >= size else { return nil }
        var value: Value = 0
        for byte in remaining.prefix(size) {
            value = value << (Value.bitWidth > 8 ? 8 : 0) | Value(byte)
        }
        remaining = remaining.dropFirst(size)
        return value
    }
}
