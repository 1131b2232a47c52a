extension LongPacketID: StateCodable {
    /// Writes both numbers.
    public func encode(into writer: inout StateWriter) {
        writer.write(id)
        writer.write(time)
    }

    /// Reads both numbers.
    public init(from reader: inout StateReader) throws(StateError) {
        self.init(id: try reader.read(UInt32.self), time: try reader.read(UInt32.self))
    }
}

extension LongPacketIDSequence: StateCodable {
    /// Writes the last packet id.
    public func encode(into writer: inout StateWriter) {
        writer.write(last)
    }

    /// Reads the last packet id.
    public init(from reader: inout StateReader) throws(StateError) {
        let last = try reader.read(LongPacketID.self)
        self.init(after: last.id, time: last.time)
    }
}

extension SessionID: StateCodable {
    /// Writes the number.
    public func encode(into writer: inout StateWriter) {
        writer.write(rawValue)
    }

    /// Reads the number, which is not zero.
    public init(from reader: inout StateReader) throws(StateError) {
        guard let id = SessionID(rawValue: try reader.read(UInt64.self)) else { throw .invalidValue }
        self = id
    }
}

extension KeyID: StateCodable {
    /// Writes the number.
    public func encode(into writer: inout StateWriter) {
        writer.write(rawValue)
    }

    /// Reads the number.
    public init(from reader: inout StateReader) throws(StateError) {
        guard let id = KeyID(rawValue: try reader.read(UInt8.self)) else { throw .invalidValue }
        self = id
    }
}

extension PeerID: StateCodable {
    /// Writes the number.
    public func encode(into writer: inout StateWriter) {
        writer.write(rawValue)
    }

    /// Reads the number.
    public init(from reader: inout StateReader) throws(StateError) {
        guard let id = PeerID(rawValue: try reader.read(UInt32.self)) else { throw .invalidValue }
        self = id
    }
}
