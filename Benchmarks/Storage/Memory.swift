import BareClients
import ClusterCore

/// What stays allocated after many operations.
struct Memory: Codable {
    /// The database.
    var database: String
    /// How many operations were done before the first look, and before the second.
    var operations: [Int]
    /// Live bytes of the heap at each look.
    var bytes: [UInt64]

    /// Reads and writes rows and looks at the heap. One operation in a hundred is a write: a disk takes its time over
    /// each.
    static func measure(_ rows: SingleRows) async throws -> Memory {
        let counts = [1_000, 100_000].map { min($0, rows.effort.trial * 2_000) }
        var memory = Memory(database: rows.database.name, operations: counts, bytes: [])
        var done = 0
        for count in counts {
            let share = (count - done) / 16
            _ = try await rows.run(.read, connections: 16, count: share * 99 / 100)
            _ = try await rows.run(.write, connections: 16, count: share / 100)
            done = count
            memory.bytes.append(bare_live_bytes())
        }
        return memory
    }
}
