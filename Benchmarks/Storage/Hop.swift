import ClusterCore
import StorageSQL
import Synchronization

/// What a call costs besides its database.
enum Hop {
    /// The way to the connection's thread and back, by a driver that does nothing: the median of many calls.
    static func wayThereAndBack(effort: Effort) async throws -> Duration {
        let options = SQLBackend.Options(authenticator: try Cluster.authenticator(), readers: 1)
        let store = SQLBackend(options: options) { _ in NullConnection() }
        let clock = ContinuousClock()
        var times: [Double] = []
        for _ in 0..<effort.trial * 200 {
            let start = clock.now
            try await store.read { _ in }
            times.append((clock.now - start) / .microseconds(1))
        }
        await store.close()
        return .microseconds(times.median)
    }

    /// Taking an idle connection out of a pool and giving it back, without a thread behind it.
    static func checkOut(effort: Effort) -> Duration {
        struct Job: Identifiable { var id: Int }
        let pool = Mutex(PoolMachine<Int, Job>(maximum: 16, limits: PoolLimits()))
        let clock = ContinuousClock()
        let start = clock.now
        let count = effort.trial * 1000
        for number in 0..<count {
            let now = clock.now - start
            let lane = pool.withLock { pool -> Int in
                if case .run(let lane) = pool.checkOut(Job(id: number), now: now) { lane } else { number }
            }
            _ = pool.withLock { $0.checkIn(lane, now: now) }
        }
        return (clock.now - start) / count
    }
}
