internal import ClusterCore
internal import VPNEngine

/// Events on their way to the store, in order and bounded.
///
/// An event that was handed out for writing stays at the front until it is confirmed, so that a failed write is tried
/// again; rows are keyed by ids made before, so writing one twice changes nothing.
struct RecordQueue: Sendable {
    /// How many events are kept while the store cannot be written; the oldest make room for new ones.
    let limit: Int
    /// How many events were lost for want of room.
    private(set) var lostCount = 0
    private var events: [RecordedEvent] = []
    private var handedOut = 0

    init(limit: Int) { self.limit = max(1, limit) }

    var isEmpty: Bool { events.isEmpty }
    var count: Int { events.count }

    mutating func append(_ event: RecordedEvent) {
        if events.count >= limit {
            // The front may be being written: what comes after it makes room.
            let victim = min(handedOut, events.count - 1)
            events.remove(at: victim)
            handedOut = min(handedOut, victim)
            lostCount += 1
        }
        events.append(event)
    }

    /// Whether wrong passwords of a user wait to be written, or are just being written.
    func hasFailures(of user: UserID) -> Bool {
        events.contains { event in
            switch event {
            case .failed(let row): row.user == user
            case .clearedFailures(let cleared): cleared == user
            case .began, .ended: false
            }
        }
    }

    /// The first events, at most `count`.
    mutating func handOut(atMost count: Int) -> [RecordedEvent] {
        handedOut = min(count, events.count)
        return Array(events.prefix(handedOut))
    }

    /// The events that were handed out are written.
    mutating func confirm() {
        events.removeFirst(min(handedOut, events.count))
        handedOut = 0
    }

    /// The events that were handed out are not written.
    mutating func takeBack() { handedOut = 0 }
}
