/// The packet id of wrapped control packets: a counter and the time at which the counting began.
///
/// Every transmission takes a new one, retransmissions included. Ordered by time first.
public struct LongPacketID: Hashable, Comparable, Sendable {
    /// The size on the wire, in bytes.
    public static let byteCount = 8

    /// The counter; 0 is never used.
    public var id: UInt32
    /// Seconds since 1970, taken once by the sender.
    public var time: UInt32

    /// Makes a packet id of its parts.
    public init(id: UInt32, time: UInt32) {
        self.id = id
        self.time = time
    }

    /// Compares time as the high word.
    public static func < (left: LongPacketID, right: LongPacketID) -> Bool {
        (left.time, left.id) < (right.time, right.id)
    }

    /// Whether the client counts from 0x0f000000, by which it says that it understands a request to send its wrapped
    /// key again (early negotiation).
    public var announcesEarlyNegotiation: Bool { id & 0xFF00_0000 == 0x0F00_0000 }
}

/// Gives out the long packet ids of one sender.
public struct LongPacketIDSequence: Hashable, Sendable {
    /// The last one given out; its id is 0 (or the start value) before the first.
    public private(set) var last: LongPacketID

    /// Begins to count.
    ///
    /// - Parameters:
    ///   - id: The id before the first one given out; 0 ordinarily, 0x0f000000 for clients that announce early
    ///     negotiation.
    ///   - time: Seconds since 1970. A sender that carries a session on takes a later time than was used before.
    public init(after id: UInt32 = 0, time: UInt32) {
        last = LongPacketID(id: id, time: time)
    }

    /// The next packet id.
    ///
    /// - Parameter now: Seconds since 1970, used only when the counter is exhausted: then counting begins anew with
    ///   this time, if it is later.
    /// - Returns: `nil` if the counter is exhausted and time has not moved: nothing may be sent.
    public mutating func next(now: UInt32) -> LongPacketID? {
        if last.id == .max {
            guard now > last.time else { return nil }
            last = LongPacketID(id: 0, time: now)
        }
        last.id += 1
        return last
    }
}
