public import VPNFormats

/// The addresses of a packet that goes through the tunnel. Read without allocation; on any thread.
public struct InnerPacket: Hashable, Sendable {
    /// Who sent it.
    public let source: IPAddress
    /// Where it goes.
    public let destination: IPAddress
    /// The length that the packet states, header included, in bytes; never more than there is.
    public let length: Int

    /// Reads the header of an IPv4 or IPv6 packet.
    ///
    /// - Parameter packet: Anything may come in here.
    /// - Returns: `nil` if it is neither, or its lengths do not fit together.
    @inlinable
    public init?(_ packet: UnsafeRawBufferPointer) {
        guard packet.count >= 20 else { return nil }
        switch packet[0] >> 4 {
        case 4:
            let stated = Int(UInt16(bigEndian: packet.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
            let header = Int(packet[0] & 15) * 4
            guard header >= 20, stated >= header, stated <= packet.count else { return nil }
            source = .v4(
                IPv4Address(bits: UInt32(bigEndian: packet.loadUnaligned(fromByteOffset: 12, as: UInt32.self))))
            destination = .v4(
                IPv4Address(bits: UInt32(bigEndian: packet.loadUnaligned(fromByteOffset: 16, as: UInt32.self))))
            length = stated
        case 6:
            guard packet.count >= 40 else { return nil }
            let stated = 40 + Int(UInt16(bigEndian: packet.loadUnaligned(fromByteOffset: 4, as: UInt16.self)))
            guard stated <= packet.count else { return nil }
            source = .v6(
                IPv6Address(bits: UInt128(bigEndian: packet.loadUnaligned(fromByteOffset: 8, as: UInt128.self))))
            destination = .v6(
                IPv6Address(bits: UInt128(bigEndian: packet.loadUnaligned(fromByteOffset: 24, as: UInt128.self))))
            length = stated
        default:
            return nil
        }
    }
}
