/// Refuses control packets that were received before. Belongs to a session, not to one of its key ids.
///
/// A later time restarts the window, an earlier one is refused, within the same time the last 128 ids may come in any
/// order (OpenVPN protocol, `packet_id.c`).
public struct ControlReplayWindow: Hashable, Sendable {
    /// How far behind the highest id another may come.
    public static let windowPackets: UInt32 = 128

    /// The highest packet id so far; `nil` before the first.
    public private(set) var highest: LongPacketID?
    /// Bit n stands for the id that is n below the highest.
    private var seen: UInt128 = 0

    /// Has seen nothing.
    public init() {}

    /// Whether a packet with this id was not seen yet and is not too old.
    public func isFresh(_ packetID: LongPacketID) -> Bool {
        guard packetID.id != 0 else { return false }
        guard let highest, packetID <= highest else { return true }
        guard packetID.time == highest.time else { return false }
        let age = highest.id - packetID.id
        return age < Self.windowPackets && seen >> UInt128(age) & 1 == 0
    }

    /// Remembers an id. Call it for packets whose authentication was verified, and no others.
    ///
    /// - Returns: Whether the id was fresh; if not nothing changes and the packet is to be dropped.
    public mutating func accept(_ packetID: LongPacketID) -> Bool {
        guard isFresh(packetID) else { return false }
        if let highest, packetID.time == highest.time {
            if packetID.id > highest.id {
                let step = packetID.id - highest.id
                seen = step < Self.windowPackets ? seen << UInt128(step) | 1 : 1
                self.highest = packetID
            } else {
                seen |= 1 << UInt128(highest.id - packetID.id)
            }
        } else {
            highest = packetID
            seen = 1
        }
        return true
    }
}

extension ControlReplayWindow: StateCodable {
    /// Writes the window.
    public func encode(into writer: inout StateWriter) {
        writer.write(optional: highest)
        writer.write(UInt64(truncatingIfNeeded: seen >> 64))
        writer.write(UInt64(truncatingIfNeeded: seen))
    }

    /// Reads a window.
    public init(from reader: inout StateReader) throws(StateError) {
        highest = try reader.readOptional(LongPacketID.self)
        seen = UInt128(try reader.read(UInt64.self)) << 64 | UInt128(try reader.read(UInt64.self))
    }
}
