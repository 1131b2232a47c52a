import Testing

@testable import StorageSQL

@Suite("The pool's decisions, without threads")
struct PoolMachineTests {
    private struct Job: Identifiable, Equatable {
        var id: Int
    }

    private typealias Machine = PoolMachine<Int, Job>

    /// What a pool does, as text.
    private func text(_ action: Machine.CheckOut) -> String {
        switch action {
        case .run(let lane): "run on \(lane)"
        case .make: "make"
        case .wait: "wait"
        case .refuse: "refuse"
        case .turnAway: "turn away"
        }
    }

    private func text(_ action: Machine.CheckIn) -> String {
        switch action {
        case .run(let job, let waited): "run \(job.id) after \(waited)"
        case .park: "park"
        case .retire: "retire"
        }
    }

    /// A machine with lanes 1, 2, … that idle since a time each, in that order.
    private func machine(
        maximum: Int = 2, _ limits: PoolLimits = PoolLimits(), idle: [Duration] = [], busy: Int = 0
    ) -> Machine {
        var machine = Machine(maximum: maximum, limits: limits)
        for job in 0..<(idle.count + busy) { _ = machine.checkOut(Job(id: -job), now: .zero) }
        for (index, time) in idle.enumerated() { _ = machine.checkIn(index + 1, now: time) }
        return machine
    }

    @Test("a job gets the lane that was used last, else a new one, else it waits")
    func checkOut() {
        var machine = machine(maximum: 3, idle: [.seconds(1), .seconds(2)])
        let actions = (1...4).map { text(machine.checkOut(Job(id: $0), now: .seconds(3))) }
        #expect(actions == ["run on 2", "run on 1", "make", "wait"])
        #expect(machine.size == 3 && machine.idleCount == 0 && machine.waitingCount == 1)
    }

    @Test("a lane that comes in takes whoever waits longest, else it idles")
    func checkIn() {
        var machine = machine(maximum: 1, busy: 1)
        for job in 1...3 { #expect(text(machine.checkOut(Job(id: job), now: .seconds(job))) == "wait") }
        #expect(machine.leave(2) == Job(id: 2))
        #expect(machine.leave(2) == nil)
        let actions = (4...6).map { text(machine.checkIn(1, now: .seconds($0))) }
        #expect(actions == ["run 1 after \(Duration.seconds(3))", "run 3 after \(Duration.seconds(2))", "park"])
    }

    @Test("whoever waited as long as one may leaves the line, and the next one is on time")
    func patience() {
        var machine = machine(maximum: 1, PoolLimits(wait: .seconds(10)), busy: 1)
        #expect(machine.deadline == nil)
        for job in 1...3 { _ = machine.checkOut(Job(id: job), now: .seconds(job)) }
        #expect(machine.deadline == .seconds(11))
        #expect(machine.tick(now: .seconds(10)).late.isEmpty)
        #expect(machine.tick(now: .seconds(12)).late.map(\.id) == [1, 2])
        #expect(machine.deadline == .seconds(13))
    }

    @Test(
        "lanes that idle for too long are retired, the longest first, down to the minimum",
        arguments: [(0, [1, 2], .seconds(61)), (1, [1, 2], .seconds(61)), (2, [1], .seconds(61)), (3, [], nil)]
            as [(Int, [Int], Duration?)])
    func idleness(minimum: Int, retired: [Int], deadline: Duration?) {
        var machine = machine(
            maximum: 3, PoolLimits(minimum: minimum, idle: .seconds(60)),
            idle: [.seconds(1), .seconds(2), .seconds(3)])
        #expect(machine.deadline == deadline)
        #expect(machine.tick(now: .seconds(60)).surplus.isEmpty)
        #expect(machine.tick(now: .milliseconds(62_500)).surplus == retired)
        for _ in retired { machine.retired() }
        #expect(machine.size == 3 - retired.count)
    }

    @Test("while a lane that idled for too long is closed, a job gets a new one, and the pool is not yet closed")
    func leaving() {
        var machine = machine(maximum: 1, PoolLimits(minimum: 0, idle: .seconds(60)), idle: [.zero])
        #expect(machine.tick(now: .seconds(60)).surplus == [1])
        #expect(text(machine.checkOut(Job(id: 1), now: .seconds(60))) == "make")
        #expect(machine.tick(now: .seconds(60)).surplus.isEmpty)
        machine.retired()
        #expect(machine.size == 1)
        #expect(text(machine.checkIn(2, now: .seconds(61))) == "park")
        #expect(machine.tick(now: .seconds(200)).surplus == [2])
        _ = machine.close()
        #expect(machine.phase == .closing)
        machine.retired()
        #expect(machine.phase == .closed)
    }

    @Test("closing refuses who waits, retires who idles, and is over when the last lane is gone")
    func close() {
        var machine = machine(maximum: 1, busy: 1)
        _ = machine.checkOut(Job(id: 1), now: .zero)
        let closed = machine.close()
        #expect(closed.waiting.map(\.id) == [1] && closed.idle.isEmpty)
        #expect(machine.phase == .closing)
        #expect(text(machine.checkOut(Job(id: 2), now: .zero)) == "refuse")
        #expect(text(machine.checkIn(1, now: .zero)) == "retire")
        #expect(machine.deadline == nil)
        machine.retired()
        #expect(machine.phase == .closed)
        #expect(machine.close().waiting.isEmpty && machine.phase == .closed)
        #expect(text(machine.checkOut(Job(id: 3), now: .zero)) == "refuse")

        var resting = self.machine(idle: [.zero, .zero])
        #expect(resting.close().idle == [1, 2])
        #expect(resting.phase == .closing)
        resting.retired()
        resting.retired()
        #expect(resting.phase == .closed)

        var fresh = Machine(maximum: 2, limits: PoolLimits())
        _ = fresh.close()
        #expect(fresh.phase == .closed)
    }

    @Test("the line has an end")
    func crowd() {
        var machine = machine(maximum: 1, busy: 1)
        for job in 1...Machine.mostWaiting { _ = machine.checkOut(Job(id: job), now: .zero) }
        #expect(text(machine.checkOut(Job(id: 0), now: .zero)) == "turn away")
        _ = machine.checkIn(1, now: .zero)
        #expect(text(machine.checkOut(Job(id: 0), now: .zero)) == "wait")
    }

    @Test("a maximum beyond what is allowed counts as the nearest that is", arguments: [(0, 1), (-5, 1), (99, 16)])
    func maximum(given: Int, used: Int) {
        var machine = Machine(maximum: given, limits: PoolLimits())
        let made = (0..<100).count { text(machine.checkOut(Job(id: $0), now: .zero)) == "make" }
        #expect(made == used)
    }

    @Test("random events lose no job, serve in order, and never pass the maximum")
    func random() {
        var generator = SeededGenerator.announced()
        for _ in 0..<50 {
            let limits = PoolLimits(minimum: 1, idle: .seconds(5), wait: .seconds(20))
            var machine = Machine(maximum: 3, limits: limits)
            var busy: [Int: Int] = [:]
            var (job, lane, lanes) = (0, 0, 0)
            var (open, begun): (Set<Int>, [Int]) = ([], [])
            func begin(_ id: Int, _ lane: Int) {
                #expect(open.remove(id) != nil && busy[lane] == nil)
                busy[lane] = id
                begun.append(id)
            }
            for step in 0..<400 {
                let now = Duration.milliseconds(step * 100)
                switch Int.random(in: 0..<10, using: &generator) {
                case 0..<4:
                    job += 1
                    open.insert(job)
                    switch machine.checkOut(Job(id: job), now: now) {
                    case .run(let idle): begin(job, idle)
                    case .make:
                        lane += 1
                        lanes += 1
                        begin(job, lane)
                    case .wait: break
                    case .refuse, .turnAway: Issue.record("an open pool with few who wait refuses none")
                    }
                case 4..<8:
                    guard let done = busy.keys.sorted().randomElement(using: &generator) else { continue }
                    busy[done] = nil
                    if case .run(let next, _) = machine.checkIn(done, now: now) { begin(next.id, done) }
                case 8:
                    guard let one = open.sorted().randomElement(using: &generator) else { continue }
                    #expect(machine.leave(one)?.id == one)
                    open.remove(one)
                default:
                    let (late, surplus) = machine.tick(now: now)
                    for one in late { #expect(open.remove(one.id) != nil) }
                    lanes -= surplus.count
                    for _ in surplus { machine.retired() }
                }
                #expect(machine.size == lanes && lanes <= 3 && machine.waitingCount == open.count)
                #expect(machine.idleCount == lanes - busy.count)
                #expect(open.isEmpty || machine.idleCount == 0)
            }
            #expect(begun == begun.sorted())
        }
    }

    @Test("a connection is replaced when it is old, and asked first when it was not used for long")
    func life() {
        let limits = PoolLimits(lifetime: .seconds(1000), check: .seconds(30))
        let shortest = ConnectionLife(opened: .zero, limits: limits, random: .max)
        var longest = ConnectionLife(opened: .zero, limits: limits, random: 0)
        var asked = 0
        func isGood(_ life: ConnectionLife, _ seconds: Int, answers: Bool = true) -> Bool {
            life.isGood(at: .seconds(seconds), limits) {
                asked += 1
                return answers
            }
        }
        #expect(isGood(longest, 29) && asked == 0)
        #expect(isGood(longest, 30) && asked == 1)
        #expect(!isGood(longest, 31, answers: false))
        longest.used(at: .seconds(980))
        asked = 0
        #expect(isGood(longest, 999) && !isGood(longest, 1000) && asked == 0)
        #expect(isGood(shortest, 899) && !isGood(shortest, 901))
    }
}
