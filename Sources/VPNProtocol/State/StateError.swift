/// Why a session that was written out cannot be read in again.
public enum StateError: Error, Hashable, Sendable {
    /// The bytes end too early.
    case truncated
    /// Something is longer than it can be.
    case tooLong
    /// A value that this release cannot have written.
    case invalidValue
    /// Written in another version of the format.
    case unsupportedVersion(UInt8)
    /// Bytes are left over at the end.
    case trailingBytes
}

/// A value that is part of a session which another process carries on.
public protocol StateCodable {
    /// Writes the value.
    func encode(into writer: inout StateWriter)

    /// Reads the value.
    ///
    /// - Throws: ``StateError`` for anything that ``encode(into:)`` does not write.
    init(from reader: inout StateReader) throws(StateError)
}
