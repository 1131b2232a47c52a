extension UInt32: StateCodable {
    /// Writes the number.
    public func encode(into writer: inout StateWriter) {
        writer.write(self)
    }

    /// Reads the number.
    public init(from reader: inout StateReader) throws(StateError) {
        self = try reader.read(UInt32.self)
    }
}
