/// Who works on which lane of a pool and who waits, as a value: it knows no thread, lock or clock. Each event gives what
/// the pool has to do, and time comes in with it.
///
/// A pool is *open*; ``close()`` makes it *closing* until the last lane was retired, then it is *closed*. While it is open
/// a lane is either busy or idle; idle ones lie on a stack, so that those which are not needed idle longest. Jobs that
/// find no lane stand in line, and whoever has stood there for too long leaves it.
package struct PoolMachine<Lane, Job: Identifiable> {
    /// How a pool stands.
    package enum Phase: Hashable, Sendable {
        case open, closing, closed
    }

    /// What to do with a job.
    package enum CheckOut {
        /// Give it to this lane, which was idle.
        case run(Lane)
        /// Give it to a new lane.
        case make
        /// Nothing: it stands in line.
        case wait
        /// Tell it that the pool is closed.
        case refuse
        /// Tell it that too many wait already.
        case turnAway
    }

    /// What to do with a lane whose job is done.
    package enum CheckIn {
        /// Give it this job.
        case run(Job, waited: Duration)
        /// Let it idle.
        case park
        /// Retire it.
        case retire
    }

    /// More than this do not wait.
    package static var mostWaiting: Int { 10_000 }

    /// How the pool stands.
    package private(set) var phase = Phase.open
    /// How many lanes there are that can get a job.
    package private(set) var size = 0
    /// How many idled for too long and are being closed, which takes a moment: nobody waits for that.
    private var leaving = 0
    private let maximum: Int
    private let limits: PoolLimits
    private var idle: [(lane: Lane, since: Duration)] = []
    private var line = Line()

    /// - Parameters:
    ///   - maximum: The most lanes, 1 to ``PoolLimits/most``.
    ///   - limits: How long they idle and how long one waits for them.
    package init(maximum: Int, limits: PoolLimits) {
        self.maximum = Swift.min(Swift.max(maximum, 1), PoolLimits.most)
        self.limits = limits
    }

    /// How many lanes idle.
    package var idleCount: Int { idle.count }
    /// How many jobs wait.
    package var waitingCount: Int { line.count }

    /// A job comes.
    package mutating func checkOut(_ job: Job, now: Duration) -> CheckOut {
        guard phase == .open else { return .refuse }
        if let lane = idle.popLast() { return .run(lane.lane) }
        if size < maximum {
            size += 1
            return .make
        }
        guard line.count < Self.mostWaiting else { return .turnAway }
        line.append(Line.Place(job: job, since: now))
        return .wait
    }

    /// A lane's job is done.
    package mutating func checkIn(_ lane: Lane, now: Duration) -> CheckIn {
        guard phase == .open else { return .retire }
        if let first = line.popFirst() { return .run(first.job, waited: now - first.since) }
        idle.append((lane, now))
        return .park
    }

    /// A job's task was cancelled.
    ///
    /// - Returns: The job, if it stood in line, which it has left then.
    package mutating func leave(_ id: Job.ID) -> Job? { line.remove(id) }

    /// Time has passed.
    ///
    /// - Returns: The jobs that have waited for too long, and the lanes to retire since they idled for too long.
    package mutating func tick(now: Duration) -> (late: [Job], surplus: [Lane]) {
        var late: [Job] = []
        while let first = line.first, now - first.since >= limits.wait, let place = line.popFirst() {
            late.append(place.job)
        }
        let spare = Swift.max(0, size - limits.minimum)
        let surplus = idle.prefix(spare).prefix { now - $0.since >= limits.idle }
        idle.removeFirst(surplus.count)
        size -= surplus.count
        leaving += surplus.count
        return (late, surplus.map(\.lane))
    }

    /// When ``tick(now:)`` has something to do at the earliest; `nil` when nothing.
    package var deadline: Duration? {
        let patience = line.first.map { $0.since + limits.wait }
        let idleness = size > limits.minimum ? idle.first.map { $0.since + limits.idle } : nil
        guard let patience, let idleness else { return patience ?? idleness }
        return Swift.min(patience, idleness)
    }

    /// The pool is to be closed.
    ///
    /// - Returns: The jobs that wait, to be refused, and the lanes that idle, to be retired. The others are when they
    ///   come in.
    package mutating func close() -> (waiting: [Job], idle: [Lane]) {
        guard phase == .open else { return ([], []) }
        phase = size + leaving == 0 ? .closed : .closing
        let lanes = idle.map(\.lane)
        idle = []
        return (line.removeAll(), lanes)
    }

    /// A lane is gone.
    package mutating func retired() {
        if leaving > 0 { leaving -= 1 } else { size -= 1 }
        if phase == .closing, size + leaving == 0 { phase = .closed }
    }
}

extension PoolMachine {
    /// Those who wait, in the order in which they came.
    private struct Line {
        struct Place {
            var job: Job
            var since: Duration
        }

        private var places: [Place] = []
        private var head = 0

        var count: Int { places.count - head }
        var first: Place? { count > 0 ? places[head] : nil }

        mutating func append(_ place: Place) { places.append(place) }

        mutating func popFirst() -> Place? {
            guard let first else { return nil }
            head += 1
            // Those who left are dropped in one go, so that leaving costs the same however long the line is.
            if head == places.count || head >= 1024 {
                places.removeFirst(head)
                head = 0
            }
            return first
        }

        mutating func remove(_ id: Job.ID) -> Job? {
            guard let index = places[head...].firstIndex(where: { $0.job.id == id }) else { return nil }
            return places.remove(at: index).job
        }

        mutating func removeAll() -> [Job] {
            defer { self = Line() }
            return places[head...].map(\.job)
        }
    }
}
