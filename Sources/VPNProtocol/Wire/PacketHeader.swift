/// The first byte of every packet.
public struct PacketHeader: Hashable, Sendable {
    /// What the packet is.
    public var opcode: Opcode
    /// Which TLS session it belongs to.
    public var keyID: KeyID

    /// Makes a header of its parts.
    @inlinable
    public init(_ opcode: Opcode, _ keyID: KeyID) {
        self.opcode = opcode
        self.keyID = keyID
    }

    /// Reads a first byte; `nil` if its opcode is none that is spoken today.
    @inlinable
    public init?(firstByte: UInt8) {
        guard let opcode = Opcode(rawValue: firstByte >> 3) else { return nil }
        self.init(opcode, KeyID(lowBitsOf: firstByte))
    }

    /// The byte.
    @inlinable
    public var firstByte: UInt8 { opcode.rawValue << 3 | keyID.rawValue }
}
