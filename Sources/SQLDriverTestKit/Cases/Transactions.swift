internal import ClusterCore
internal import StorageSQL

extension DriverConformance {
    private static let table = SQLTable(
        "kit_counters", [.init("id", .integer), .init("value", .integer)], primaryKey: ["id"])

    private static let insert = "INSERT INTO kit_counters (id, value) VALUES (?, ?)"
    private static let select = "SELECT value FROM kit_counters WHERE id = ?"
    private static let update = "UPDATE kit_counters SET value = ? WHERE id = ?"

    /// Errors after which a transaction is run again.
    private static let passing: Set<StorageError.Code> = [.conflict, .busy]

    static let transactions: [DriverCase] = [
        DriverCase("transactions: what was rolled back is gone, what was committed is seen by others") { driver in
            try driver.withTable(table) { connection in
                try connection.begin(.write)
                try connection.execute(insert, [.integer(1), .integer(1)])
                connection.rollback()
                connection.rollback()
                try connection.inTransaction { try connection.execute(insert, [.integer(2), .integer(2)]) }
                let other = try driver.open()
                defer { other.close() }
                try expect(
                    try other.rows("SELECT id FROM kit_counters") == [[.integer(2)]], "others see something else")
            }
        },
        DriverCase("transactions: a reader keeps the state that it began with") { driver in
            try driver.withTable(table) { connection in
                try connection.execute(insert, [.integer(1), .integer(1)])
                let reader = try driver.open()
                defer { reader.close() }
                try reader.begin(.read)
                let first = try reader.number(select, [.integer(1)])
                try connection.inTransaction { try connection.execute(update, [.integer(2), .integer(1)]) }
                let second = try reader.number(select, [.integer(1)])
                reader.rollback()
                try expect(first == 1 && second == 1, "it read 1 and then \(second ?? -1)")
                try expect(try reader.number(select, [.integer(1)]) == 2, "afterwards it reads something old")
            }
        },
        DriverCase("transactions: updates count the rows that were found, changed or not; deletions the rows") {
            driver in
            try driver.withTable(table) { connection in
                for id: Int64 in 1...3 { try connection.execute(insert, [.integer(id), .integer(7)]) }
                let same = try connection.execute("UPDATE kit_counters SET value = ?", [.integer(7)])
                try expect(same == 3, "an update to the same values counted \(same)")
                let one = try connection.execute(update, [.integer(8), .integer(2)])
                try expect(one == 1, "an update counted \(one)")
                let none = try connection.execute(update, [.integer(8), .integer(9)])
                try expect(none == 0, "an update of nothing counted \(none)")
                let gone = try connection.execute("DELETE FROM kit_counters WHERE value = ?", [.integer(7)])
                try expect(gone == 2, "a deletion counted \(gone)")
            }
        },
        DriverCase("transactions: no increment of two at once is lost") { driver in
            try driver.withTable(table) { connection in
                try connection.execute(insert, [.integer(1), .integer(0)])
                let errors = atOnce(
                    Array(repeating: { try increment(driver, times: 25) }, count: 2))
                for error in errors { if let error { throw error } }
                let total = try connection.number(select, [.integer(1)])
                try expect(total == 50, "50 increments gave \(total ?? -1)")
            }
        },
        DriverCase("transactions: two that each rely on what the other writes do not both commit") { driver in
            try driver.withTable(table) { connection in
                for id: Int64 in 1...2 { try connection.execute(insert, [.integer(id), .integer(1)]) }
                for round in 0..<5 {
                    try connection.execute("UPDATE kit_counters SET value = ?", [.integer(1)])
                    let errors = atOnce([{ try goOffDuty(driver, 1) }, { try goOffDuty(driver, 2) }])
                    for error in errors { if let error { throw error } }
                    let left = try connection.rows("SELECT id FROM kit_counters WHERE value = ?", [.integer(1)])
                    try expect(left.count == 1, "round \(round): \(left.count) are left on duty")
                }
            }
        },
        DriverCase("transactions: of two that wait for each other one fails as a conflict and leaves nothing") {
            driver in
            try driver.withTable(table) { connection in
                for id: Int64 in 1...2 { try connection.execute(insert, [.integer(id), .integer(0)]) }
                let gates = [Gate(), Gate()]
                let errors = atOnce([
                    { try cross(driver, 1, 2, gates[0], gates[1]) }, { try cross(driver, 2, 1, gates[1], gates[0]) },
                ])
                let codes = errors.compactMap { $0 }.map { ($0 as? StorageError)?.code }
                // A database with one writer at a time lets the second begin when the first is through.
                try expect(!codes.isEmpty || driver.sever == nil, "both went well")
                for code in codes {
                    try expect(code.map { passing.contains($0) } == true, "one failed with \(code?.description ?? "?")")
                }
                let values = try connection.rows("SELECT value FROM kit_counters ORDER BY id")
                let winners = Set(values.compactMap { $0.first })
                try expect(winners.count == 1, "both wrote: \(values.count) rows differ")
            }
        },
    ]

    /// Adds one to the first counter, so many times, each in a transaction that is run again when it clashes.
    private static func increment(_ driver: DriverUnderTest, times: Int) throws {
        let connection = try driver.open()
        defer { connection.close() }
        for _ in 0..<times {
            try again {
                try connection.inTransaction {
                    let value = try connection.number(select, [.integer(1)]) ?? 0
                    try connection.execute(update, [.integer(value + 1), .integer(1)])
                }
            }
        }
    }

    /// Writes one row if both rows say that someone is left.
    private static func goOffDuty(_ driver: DriverUnderTest, _ id: Int64) throws {
        let connection = try driver.open()
        defer { connection.close() }
        try again {
            try connection.inTransaction {
                let onDuty = try connection.rows("SELECT id FROM kit_counters WHERE value = ?", [.integer(1)])
                if onDuty.count == 2 { try connection.execute(update, [.integer(0), .integer(id)]) }
            }
        }
    }

    /// Writes one row, waits until the other side wrote its own, and writes that one.
    private static func cross(
        _ driver: DriverUnderTest, _ first: Int64, _ second: Int64, _ mine: Gate, _ theirs: Gate
    ) throws {
        let connection = try driver.open()
        defer { connection.close() }
        do {
            try connection.inTransaction {
                try connection.execute(update, [.integer(first), .integer(first)])
                mine.open()
                theirs.wait(seconds: 2)
                try connection.execute(update, [.integer(first), .integer(second)])
            }
        } catch {
            mine.open()
            throw error
        }
    }

    private static func again(_ body: () throws -> Void) throws {
        for attempt in 1... {
            do {
                return try body()
            } catch let error as StorageError where passing.contains(error.code) && attempt < 200 {
                continue
            }
        }
    }
}
