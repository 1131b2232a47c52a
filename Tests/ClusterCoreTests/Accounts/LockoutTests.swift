import ProtocolTestKit
import Testing

@testable import ClusterCore

@Suite("Lock-out")
struct LockoutTests {
    private let rules = LockoutRules(threshold: 5, duration: .seconds(900))
    private let start = Fixture.start
    private let user: UserID

    init() {
        var random = SeededGenerator(seed: 1)
        user = UserID(using: &random)
    }

    private func fail(_ times: Int, from: LoginFailures? = nil, at now: Timestamp? = nil) -> LoginFailures? {
        var row = from
        for _ in 0..<times { row = rules.afterFailure(row, user: user, now: now ?? start) }
        return row
    }

    @Test("the fifth failure locks for a quarter of an hour, the fourth does not")
    func threshold() {
        #expect(rules.lockedUntil(fail(4), now: start) == nil)
        #expect(rules.lockedUntil(fail(5), now: start) == start + .seconds(900))
        #expect(rules.lockedUntil(fail(5), now: start + .seconds(899)) != nil)
        #expect(rules.lockedUntil(fail(5), now: start + .seconds(900)) == nil)
        #expect(rules.lockedUntil(nil, now: start) == nil)
    }

    @Test("failures while locked neither count nor lengthen the lock")
    func whileLocked() {
        let locked = fail(5)
        #expect(fail(50, from: locked, at: start + .seconds(600)) == locked)
    }

    @Test("after the lock four more failures are free again")
    func afterLock() {
        let later = start + .seconds(901)
        let row = fail(4, from: fail(5), at: later)
        #expect(row?.count == 4)
        #expect(rules.lockedUntil(row, now: later) == nil)
        #expect(rules.lockedUntil(fail(1, from: row, at: later), now: later) == later + .seconds(900))
    }

    @Test("failures that lie far apart do not add up")
    func farApart() {
        var row: LoginFailures?
        for hour in 0..<20 { row = rules.afterFailure(row, user: user, now: start + .seconds(hour * 3_600)) }
        #expect(row?.count == 1)
        #expect(row?.lockedUntil == nil)
    }

    @Test("a row keeps the version that was read, and when its first failure was")
    func version() {
        var row = fail(2)
        row?.version = 7
        let next = fail(1, from: row, at: start + .seconds(10))
        #expect(next?.version == 7)
        #expect(next?.firstAt == start)
        #expect(next?.lastAt == start + .seconds(10))
        #expect(fail(1, from: next, at: start + .seconds(10_000))?.version == 7)
    }

    @Test("a threshold of 0 never locks")
    func never() {
        let rules = LockoutRules(threshold: 0, duration: .seconds(900))
        var row: LoginFailures?
        for _ in 0..<100 { row = rules.afterFailure(row, user: user, now: start) }
        #expect(rules.lockedUntil(row, now: start) == nil)
    }

    @Test("a lock that a jumped clock wrote ends within the duration")
    func jumpedClock() {
        var row = fail(5)
        row?.lockedUntil = start + .seconds(1_000_000)
        #expect(rules.lockedUntil(row, now: start) == start + .seconds(900))
    }

    @Test("counts do not overflow")
    func overflow() {
        var row = fail(1)
        row?.count = .max
        #expect(LockoutRules(threshold: 0).afterFailure(row, user: user, now: start).count == .max)
    }
}
