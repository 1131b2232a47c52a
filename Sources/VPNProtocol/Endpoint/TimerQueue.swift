/// Which session has something to do next: a binary heap of deadlines. An entry that was overtaken by an earlier or
/// later one for the same slot stays until it surfaces, and is then skipped.
struct TimerQueue: Sendable {
    private struct Entry: Sendable {
        let deadline: Instant
        let slot: Int
    }

    private var heap: [Entry] = []
    /// The deadline that counts, by slot.
    private var current: [Instant?] = []

    /// Sets, moves or (with nil) takes back a slot's deadline.
    mutating func schedule(_ slot: Int, at deadline: Instant?) {
        while self.current.count <= slot { self.current.append(nil) }
        guard self.current[slot] != deadline else { return }
        self.current[slot] = deadline
        guard let deadline else { return }
        self.heap.append(Entry(deadline: deadline, slot: slot))
        self.siftUp(self.heap.count - 1)
        if self.heap.count > 64 + 4 * self.current.count { self.rebuild() }
    }

    /// The earliest deadline of all.
    mutating func next() -> Instant? {
        self.dropOvertaken()
        return self.heap.first?.deadline
    }

    /// Takes out one slot whose deadline has passed.
    mutating func popDue(now: Instant) -> Int? {
        self.dropOvertaken()
        guard let first = self.heap.first, first.deadline <= now else { return nil }
        self.removeFirst()
        self.current[first.slot] = nil
        return first.slot
    }

    private mutating func dropOvertaken() {
        while let first = self.heap.first, self.current[first.slot] != first.deadline { self.removeFirst() }
    }

    private mutating func rebuild() {
        self.heap = self.current.enumerated().compactMap { slot, deadline in
            deadline.map { Entry(deadline: $0, slot: slot) }
        }
        for index in stride(from: self.heap.count / 2, through: 0, by: -1) { self.siftDown(index) }
    }

    private mutating func removeFirst() {
        guard let last = self.heap.popLast() else { return }
        guard !self.heap.isEmpty else { return }
        self.heap[0] = last
        self.siftDown(0)
    }

    private mutating func siftUp(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard self.heap[child].deadline < self.heap[parent].deadline else { return }
            self.heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        while true {
            let left = 2 * parent + 1
            guard left < self.heap.count else { return }
            let right = left + 1
            let least =
                right < self.heap.count && self.heap[right].deadline < self.heap[left].deadline ? right : left
            guard self.heap[least].deadline < self.heap[parent].deadline else { return }
            self.heap.swapAt(least, parent)
            parent = least
        }
    }
}
