/// Refuses data packets that were received before.
///
/// A higher id is always accepted, however far it jumps; an older one if it is less than ``windowPackets`` behind and
/// was not seen (OpenVPN protocol, `packet_id.c`). Each key has its own. A value of fixed size, 520 bytes; for one
/// thread at a time.
public struct ReplayWindow: Sendable {
    /// How far behind the highest id another may come. One word of the ring is always being filled anew.
    public static var windowPackets: UInt32 { 4_032 }

    @usableFromInline
    static var wordCount: Int { 64 }

    /// A ring of bits, indexed by the low bits of the id.
    @usableFromInline
    var words: InlineArray<64, UInt64>

    /// The highest id so far; 0 before the first.
    public private(set) var highest: UInt32

    /// Has seen nothing.
    public init() {
        words = InlineArray(repeating: 0)
        highest = 0
    }

    /// Refuses every id up to one, as when a key is carried on without its window.
    public init(refusingUpTo highest: UInt32) {
        words = InlineArray(repeating: .max)
        self.highest = highest
        let last = Int(highest / 64)
        words[last % Self.wordCount] = highest % 64 == 63 ? .max : (1 << UInt64(highest % 64 + 1)) - 1
    }

    @usableFromInline
    init(words: InlineArray<64, UInt64>, highest: UInt32) {
        self.words = words
        self.highest = highest
    }

    /// Whether a packet with this id was not seen yet and is not too old. 0 is never fresh.
    @inlinable
    public func isFresh(_ id: UInt32) -> Bool {
        if id > highest { return true }
        guard id != 0, highest - id < Self.windowPackets else { return false }
        return words[Int(id / 64) % Self.wordCount] >> UInt64(id % 64) & 1 == 0
    }

    /// Remembers the id of a packet that was verified, and no other. Ids that are not fresh change nothing.
    @inlinable
    public mutating func mark(_ id: UInt32) {
        guard isFresh(id) else { return }
        if id > highest {
            advance(to: id)
        }
        words[Int(id / 64) % Self.wordCount] |= 1 << UInt64(id % 64)
    }

    /// Remembers the id of a verified packet.
    ///
    /// - Returns: Whether it was fresh; if not the packet is to be dropped.
    @inlinable
    public mutating func accept(_ id: UInt32) -> Bool {
        guard isFresh(id) else { return false }
        mark(id)
        return true
    }

    /// Clears the words between the highest id so far and a higher one.
    @usableFromInline
    mutating func advance(to id: UInt32) {
        let steps = min(Int(id / 64) - Int(highest / 64), Self.wordCount)
        for step in 0..<steps {
            words[(Int(id / 64) - step) % Self.wordCount] = 0
        }
        highest = id
    }
}

extension ReplayWindow: Equatable {
    /// Whether both have seen the same ids.
    public static func == (left: ReplayWindow, right: ReplayWindow) -> Bool {
        left.highest == right.highest && left.words.indices.allSatisfy { left.words[$0] == right.words[$0] }
    }
}

extension ReplayWindow: StateCodable {
    /// Writes the window, 516 bytes.
    public func encode(into writer: inout StateWriter) {
        writer.write(highest)
        for index in words.indices {
            writer.write(words[index])
        }
    }

    /// Reads a window.
    public init(from reader: inout StateReader) throws(StateError) {
        let highest = try reader.read(UInt32.self)
        var words = InlineArray<64, UInt64>(repeating: 0)
        for index in words.indices {
            words[index] = try reader.read(UInt64.self)
        }
        self.init(words: words, highest: highest)
    }
}
