/// Writes values for ``StateReader``: big-endian numbers, everything else with its length, a version in front.
///
/// What it holds may contain keys: treat the bytes as a secret.
public struct StateWriter: Sendable {
    private var writer: ByteWriter

    /// Starts with the version of the format.
    public init(version: UInt8) {
        writer = ByteWriter(capacity: 1_024)
        writer.write(version)
    }

    /// What was written.
    public var bytes: [UInt8] { writer.bytes }

    /// Writes a number with all its bytes. Use types of a stated width only.
    public mutating func write<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value) {
        writer.writeInteger(value)
    }

    /// Writes a truth value.
    public mutating func write(_ value: Bool) {
        writer.write(UInt8(value ? 1 : 0))
    }

    /// Writes bytes with their number, at most 2³² − 1 of them (a precondition).
    public mutating func write(bytes: some Collection<UInt8>) {
        writer.write(UInt32(bytes.count))
        writer.write(bytes)
    }

    /// Writes a text as UTF-8 with the number of bytes.
    public mutating func write(text: String) {
        write(bytes: Array(text.utf8))
    }

    /// Writes a value of its own format.
    public mutating func write(_ value: some StateCodable) {
        value.encode(into: &self)
    }

    /// Writes a value or that there is none.
    public mutating func write<Value: StateCodable>(optional value: Value?) {
        write(value != nil)
        value?.encode(into: &self)
    }

    /// Writes a number or that there is none.
    public mutating func write<Value: FixedWidthInteger & UnsignedInteger>(optional value: Value?) {
        write(value != nil)
        if let value { write(value) }
    }

    /// Writes values with their number.
    public mutating func write<Value: StateCodable>(array values: [Value]) {
        writer.write(UInt32(values.count))
        for value in values {
            value.encode(into: &self)
        }
    }
}
