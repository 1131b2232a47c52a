extension InnerPacket {
    private static let protocolTCP: UInt8 = 6
    /// More extension headers than any real packet has.
    private static let maximumExtensionHeaders = 8

    /// Lowers the maximum segment size that a TCP connection request (or its answer) announces, so that full segments
    /// fit the tunnel. Call it for packets of both directions.
    ///
    /// Every length in the packet is taken for hostile and stays inside of the packet.
    ///
    /// - Parameters:
    ///   - packet: An IPv4 or IPv6 packet; anything may come in here.
    ///   - maximumPacketBytes: The largest inner packet that goes through in one piece. The size announced becomes 40
    ///     less for IPv4, 60 less for IPv6.
    /// - Returns: Whether the packet was changed. Its TCP checksum then fits as it did before.
    @discardableResult
    public static func clampMSS(_ packet: UnsafeMutableRawBufferPointer, maximumPacketBytes: Int) -> Bool {
        guard packet.count >= 40 else { return false }
        switch packet[0] >> 4 {
        case 4:
            guard let segment = tcpInIPv4(packet) else { return false }
            return clamp(segment, maximum: maximumPacketBytes - 40)
        case 6:
            guard let segment = tcpInIPv6(packet) else { return false }
            return clamp(segment, maximum: maximumPacketBytes - 60)
        default:
            return false
        }
    }

    /// The TCP segment of an unfragmented packet, or of the first fragment.
    private static func tcpInIPv4(_ packet: UnsafeMutableRawBufferPointer) -> UnsafeMutableRawBufferPointer? {
        let header = Int(packet[0] & 15) * 4
        let stated = Int(word(packet, 2))
        guard header >= 20, stated >= header, stated <= packet.count, packet[9] == protocolTCP,
            word(packet, 6) & 0x1FFF == 0
        else { return nil }
        return UnsafeMutableRawBufferPointer(rebasing: packet[header..<stated])
    }

    private static func tcpInIPv6(_ packet: UnsafeMutableRawBufferPointer) -> UnsafeMutableRawBufferPointer? {
        let stated = 40 + Int(word(packet, 4))
        guard stated <= packet.count else { return nil }
        var next = packet[6]
        var offset = 40
        for _ in 0...maximumExtensionHeaders {
            if next == protocolTCP {
                return UnsafeMutableRawBufferPointer(rebasing: packet[offset..<stated])
            }
            guard stated - offset >= 8, let length = extensionBytes(packet, next, offset), length <= stated - offset
            else { return nil }
            next = packet[offset]
            offset += length
        }
        return nil
    }

    /// The length of an extension header of which at least eight bytes are there; `nil` for anything else.
    private static func extensionBytes(
        _ packet: UnsafeMutableRawBufferPointer, _ kind: UInt8, _ offset: Int
    ) -> Int? {
        switch kind {
        case 0, 43, 60: (Int(packet[offset + 1]) + 1) * 8
        case 44: word(packet, offset + 2) & 0xFFF8 == 0 ? 8 : nil
        case 51: (Int(packet[offset + 1]) + 2) * 4
        default: nil
        }
    }

    private static func clamp(_ segment: UnsafeMutableRawBufferPointer, maximum: Int) -> Bool {
        guard maximum > 0, segment.count >= 20, segment[13] & 2 != 0 else { return false }
        let end = Int(segment[12] >> 4) * 4
        guard end >= 20, end <= segment.count else { return false }
        var offset = 20
        while offset < end, segment[offset] != 0 {
            if segment[offset] == 1 {
                offset += 1
                continue
            }
            guard offset + 1 < end else { return false }
            let length = Int(segment[offset + 1])
            guard length >= 2, length <= end - offset else { return false }
            if segment[offset] == 2, length == 4 {
                return lower(segment, at: offset + 2, to: maximum)
            }
            offset += length
        }
        return false
    }

    /// Lowers the value and mends the checksum (RFC 1624). A value at an odd offset counts with its bytes exchanged.
    private static func lower(_ segment: UnsafeMutableRawBufferPointer, at offset: Int, to maximum: Int) -> Bool {
        let old = word(segment, offset)
        guard Int(old) > maximum else { return false }
        let new = UInt16(truncatingIfNeeded: maximum)
        segment.storeBytes(of: new.bigEndian, toByteOffset: offset, as: UInt16.self)
        let isOdd = offset % 2 == 1
        var sum = UInt32(~word(segment, 16)) + UInt32(~(isOdd ? old.byteSwapped : old))
        sum += UInt32(isOdd ? new.byteSwapped : new)
        sum = (sum & 0xFFFF) + (sum >> 16)
        sum = (sum & 0xFFFF) + (sum >> 16)
        segment.storeBytes(of: (~UInt16(truncatingIfNeeded: sum)).bigEndian, toByteOffset: 16, as: UInt16.self)
        return true
    }

    private static func word(_ bytes: UnsafeMutableRawBufferPointer, _ offset: Int) -> UInt16 {
        UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }
}
