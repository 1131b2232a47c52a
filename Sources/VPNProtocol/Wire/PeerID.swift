/// The number that a server gives a client so that its data packets are known whatever address they come from.
public struct PeerID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The number, 24 bits.
    public let rawValue: UInt32

    /// Takes a number; `nil` above 24 bits.
    @inlinable
    public init?(rawValue: UInt32) {
        guard rawValue <= 0xFF_FFFF else { return nil }
        self.rawValue = rawValue
    }

    @usableFromInline
    init(lowBitsOf value: UInt32) {
        rawValue = value & 0xFF_FFFF
    }

    /// Stands for no peer id.
    public static let undefined = PeerID(lowBitsOf: 0xFF_FFFF)

    /// The number in decimal, as it is pushed.
    public var description: String { "\(rawValue)" }
}
