extension UInt32: StateCodable {
    public func encode(into writer: inout StateWriter) {
        writer.write(self)
    }

    public init(from reader: inout StateReader) throws(StateError) {
        self = try reader.read(UInt32.self)
    }
}
