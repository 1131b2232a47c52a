/// Where things stand in a data packet with an AEAD cipher (OpenVPN protocol, `crypto.c`).
///
/// ```
/// V2: first byte (1) | peer id (3) | packet id (4) | tag (16) | ciphertext     authenticated: the first 8 bytes
/// V1: first byte (1) |               packet id (4) | tag (16) | ciphertext     authenticated: the packet id
/// ```
///
/// Nothing here allocates; all functions may be used on any thread.
public enum DataPacketLayout: UInt8, Hashable, Sendable, CaseIterable {
    /// Without peer id.
    case v1
    /// With peer id.
    case v2

    /// The length of the tag, in bytes.
    @inlinable
    public static var tagBytes: Int { 16 }

    /// Where the authenticated bytes begin.
    @inlinable
    public var authenticatedOffset: Int { self == .v2 ? 0 : 1 }
    /// How many bytes are authenticated beside the payload.
    @inlinable
    public var authenticatedBytes: Int { self == .v2 ? 8 : 4 }
    /// Where the tag begins; equally the length of the header.
    @inlinable
    public var tagOffset: Int { self == .v2 ? 8 : 5 }
    /// Where the payload begins; equally what a packet is longer than its payload, in bytes.
    @inlinable
    public var payloadOffset: Int { tagOffset + Self.tagBytes }

    /// Writes everything before the tag.
    ///
    /// - Parameters:
    ///   - packet: The beginning of the packet, at least ``tagOffset`` bytes (a precondition).
    ///   - keyID: The key that the packet is sealed with.
    ///   - peerID: The client's number; not used by ``v1``.
    ///   - packetID: Never used before with the key, and not 0.
    @inlinable
    public func writeHeader(
        into packet: UnsafeMutableRawBufferPointer, keyID: KeyID, peerID: PeerID, packetID: UInt32
    ) {
        precondition(packet.count >= tagOffset, "no room for the header of a data packet")
        switch self {
        case .v1:
            packet[0] = PacketHeader(.dataV1, keyID).firstByte
            packet.storeBytes(of: packetID.bigEndian, toByteOffset: 1, as: UInt32.self)
        case .v2:
            let first = UInt32(PacketHeader(.dataV2, keyID).firstByte) << 24 | peerID.rawValue
            packet.storeBytes(of: first.bigEndian, toByteOffset: 0, as: UInt32.self)
            packet.storeBytes(of: packetID.bigEndian, toByteOffset: 4, as: UInt32.self)
        }
    }
}

/// What stands before the tag of a data packet.
public struct DataPacketHeader: Hashable, Sendable {
    /// How the packet is laid out.
    public let layout: DataPacketLayout
    /// The key that it is sealed with.
    public let keyID: KeyID
    /// The sender's number, ``PeerID/undefined`` in packets that have none.
    public let peerID: PeerID
    /// The packet's number; 0 is never valid.
    public let packetID: UInt32

    /// Reads a header.
    ///
    /// - Parameter packet: The whole packet; anything may come in here.
    /// - Returns: `nil` unless it is a data packet with at least one byte of payload and a packet id that is not 0.
    @inlinable
    public init?(_ packet: UnsafeRawBufferPointer) {
        guard packet.count > DataPacketLayout.v1.payloadOffset, let header = PacketHeader(firstByte: packet[0]) else {
            return nil
        }
        switch header.opcode {
        case .dataV2:
            guard packet.count > DataPacketLayout.v2.payloadOffset else { return nil }
            layout = .v2
            let first = UInt32(bigEndian: packet.loadUnaligned(fromByteOffset: 0, as: UInt32.self))
            peerID = PeerID(lowBitsOf: first)
            packetID = UInt32(bigEndian: packet.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        case .dataV1:
            layout = .v1
            peerID = .undefined
            packetID = UInt32(bigEndian: packet.loadUnaligned(fromByteOffset: 1, as: UInt32.self))
        case .softReset, .control, .acknowledgement, .hardResetClientV2, .hardResetServerV2, .hardResetClientV3,
            .controlWithWrappedKey:
            return nil
        }
        keyID = header.keyID
        guard packetID != 0 else { return nil }
    }
}

/// Makes the nonces of one key and direction: the packet id followed by eight secret bytes.
public struct DataNonce: Sendable {
    /// The size of a nonce, in bytes.
    @inlinable
    public static var byteCount: Int { 12 }

    /// The secret part in wire order.
    @usableFromInline
    let implicitIV: UInt64

    /// Takes the implicit part of the nonce, the first eight bytes of an HMAC slot; `nil` for another number of them.
    public init?(implicitIV bytes: some Collection<UInt8>) {
        guard bytes.count == 8 else { return nil }
        implicitIV = bytes.reduce(0) { $0 << 8 | UInt64($1) }.bigEndian
    }

    /// Writes the nonce of a packet.
    ///
    /// - Parameters:
    ///   - packetID: The packet's number.
    ///   - nonce: At least 12 bytes (a precondition).
    @inlinable
    public func write(packetID: UInt32, into nonce: UnsafeMutableRawBufferPointer) {
        precondition(nonce.count >= Self.byteCount, "no room for a nonce")
        nonce.storeBytes(of: packetID.bigEndian, toByteOffset: 0, as: UInt32.self)
        nonce.storeBytes(of: implicitIV, toByteOffset: 4, as: UInt64.self)
    }
}
