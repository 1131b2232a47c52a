/// Reads what ``StateWriter`` wrote. Anything may come in: every length is bounded, nothing traps.
public struct StateReader: Sendable {
    private var reader: ByteReader

    /// Which version of the format was written.
    public let version: UInt8

    /// Begins to read.
    ///
    /// - Parameters:
    ///   - bytes: What was written.
    ///   - versions: The versions that the caller can read.
    /// - Throws: ``StateError`` with `truncated` or `unsupportedVersion`.
    public init(_ bytes: [UInt8], versions: ClosedRange<UInt8>) throws(StateError) {
        reader = ByteReader(bytes)
        guard let version = reader.readUInt8() else { throw .truncated }
        guard versions.contains(version) else { throw .unsupportedVersion(version) }
        self.version = version
    }

    /// Reads a number.
    public mutating func read<Value: FixedWidthInteger & UnsignedInteger>(
        _ type: Value.Type
    ) throws(StateError) -> Value {
        guard let value = reader.read(type) else { throw .truncated }
        return value
    }

    /// Reads a truth value.
    public mutating func readBool() throws(StateError) -> Bool {
        switch try read(UInt8.self) {
        case 0: return false
        case 1: return true
        default: throw .invalidValue
        }
    }

    /// Reads bytes, at most so many.
    public mutating func readBytes(maximum: Int) throws(StateError) -> [UInt8] {
        let count = try read(UInt32.self)
        guard Int(count) <= maximum else { throw .tooLong }
        guard let bytes = reader.readBytes(Int(count)) else { throw .truncated }
        return Array(bytes)
    }

    /// Reads a text of at most so many bytes of valid UTF-8.
    public mutating func readText(maximumBytes: Int) throws(StateError) -> String {
        let bytes = try readBytes(maximum: maximumBytes)
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .invalidValue }
        return text
    }

    /// Reads a value of its own format.
    public mutating func read<Value: StateCodable>(_: Value.Type) throws(StateError) -> Value {
        try Value(from: &self)
    }

    /// Reads a value if there is one.
    public mutating func readOptional<Value: StateCodable>(_: Value.Type) throws(StateError) -> Value? {
        try readBool() ? try Value(from: &self) : nil
    }

    /// Reads a number if there is one.
    public mutating func readOptional<Value: FixedWidthInteger & UnsignedInteger>(
        _ type: Value.Type
    ) throws(StateError) -> Value? {
        try readBool() ? try read(type) : nil
    }

    /// Reads values, at most so many.
    public mutating func readArray<Value: StateCodable>(
        of _: Value.Type, maximum: Int
    ) throws(StateError) -> [Value] {
        let count = try read(UInt32.self)
        guard Int(count) <= maximum else { throw .tooLong }
        var values: [Value] = []
        for _ in 0..<count {
            values.append(try Value(from: &self))
        }
        return values
    }

    /// States that everything was read.
    ///
    /// - Throws: ``StateError/trailingBytes`` if not.
    public func finish() throws(StateError) {
        guard reader.isAtEnd else { throw .trailingBytes }
    }
}
