public import VPNProtocol

/// What happens when in a simulation: events in order of time, and in order of entry where times are equal.
public struct Agenda<Event> {
    private struct Entry {
        let at: Instant
        let order: UInt64
        let event: Event

        func isBefore(_ other: Entry) -> Bool {
            self.at == other.at ? self.order < other.order : self.at < other.at
        }
    }

    private var heap: [Entry] = []
    private var order: UInt64 = 0

    /// An agenda without events.
    public init() {}

    /// True when nothing is left to happen.
    public var isEmpty: Bool { self.heap.isEmpty }

    /// Enters an event. One in the past comes out next.
    public mutating func add(_ event: Event, at instant: Instant) {
        self.order += 1
        self.heap.append(Entry(at: instant, order: self.order, event: event))
        var child = self.heap.count - 1
        while child > 0, self.heap[child].isBefore(self.heap[(child - 1) / 2]) {
            self.heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Takes out the earliest event.
    public mutating func next() -> (at: Instant, event: Event)? {
        guard let first = self.heap.first, let last = self.heap.popLast() else { return nil }
        if !self.heap.isEmpty {
            self.heap[0] = last
            self.sink()
        }
        return (first.at, first.event)
    }

    private mutating func sink() {
        var parent = 0
        while 2 * parent + 1 < self.heap.count {
            var least = 2 * parent + 1
            if least + 1 < self.heap.count, self.heap[least + 1].isBefore(self.heap[least]) { least += 1 }
            guard self.heap[least].isBefore(self.heap[parent]) else { return }
            self.heap.swapAt(least, parent)
            parent = least
        }
    }
}
