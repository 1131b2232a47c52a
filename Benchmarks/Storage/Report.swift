import ClusterCore
import DatabaseServers
import Foundation

/// All that was measured in one run.
struct Report: Codable {
    var comparisons: [Comparison] = []
    /// The way to a connection's thread and back, in microseconds.
    var hopMicroseconds = 0.0
    /// Taking an idle connection out of a pool and giving it back, in microseconds.
    var checkOutMicroseconds = 0.0
    var memory: [Memory] = []
    var copies: [Copying] = []

    static func measured(_ arguments: Arguments) async throws -> Report {
        var report = Report()
        let effort = arguments.effort
        let isWanted = { (name: String) in arguments.only == nil || arguments.only == name }
        report.hopMicroseconds = try await Hop.wayThereAndBack(effort: effort) / .microseconds(1)
        report.checkOutMicroseconds = Hop.checkOut(effort: effort) / .microseconds(1)
        if isWanted("sqlite") { try await report.measureSQLite(effort) }
        if isWanted("mariadb") {
            let server = try MariaDBServer()
            try server.createDatabase("kitbench")
            try await report.measureServer(.mariadb(server, "kitbench"), effort)
            report.copies.append(
                try await Copying(to: server, .mariadb, effort: effort) { name in
                    try await Database.mariadb(server, name).open(4)
                })
            server.stop()
        }
        if isWanted("postgres") {
            let server = try PostgresServer()
            try server.createDatabase("kitbench")
            try await report.measureServer(.postgres(server, "kitbench"), effort)
            report.copies.append(
                try await Copying(to: server, .postgres, effort: effort) { name in
                    try await Database.postgres(server, name).open(4)
                })
            server.stop()
        }
        return report
    }

    private mutating func measureSQLite(_ effort: Effort) async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("asnode-bench-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let database = try Database.sqlite(directory.appendingPathComponent("store.sqlite").path)
        let store = try await database.open(1)
        try await Cluster.fill(store)
        add(try await ManyReads(database: database, store: store, effort: effort).compare(goal: 1.25))
        let rows = SingleRows(database: database, store: store, effort: effort)
        add(try await rows.compare(.read, connections: 1, goal: nil))
        memory.append(try await Memory.measure(rows))
        await store.close()
    }

    private mutating func measureServer(_ database: Database, _ effort: Effort) async throws {
        let store = try await database.open(16)
        try await Cluster.fill(store)
        let rows = SingleRows(database: database, store: store, effort: effort)
        for operation in [SingleRows.Operation.read, .write] {
            for connections in [1, 16] {
                add(try await rows.compare(operation, connections: connections, goal: 1.25))
            }
        }
        memory.append(try await Memory.measure(rows))
        await store.close()
    }

    private mutating func add(_ comparison: Comparison) {
        if comparisons.isEmpty { say(Comparison.heading) }
        say(comparison.lines)
        comparisons.append(comparison)
    }

    func printFigures() {
        say("\nway to a connection's thread and back: \(hopMicroseconds.shown) µs")
        let verdict = checkOutMicroseconds <= 5 ? "reached" : "missed"
        say("pool, check-out and check-in: \(String(format: "%.2f", checkOutMicroseconds)) µs  ≤ 5 \(verdict)")
        for memory in memory {
            let looks = zip(memory.operations, memory.bytes).map { "\($1) bytes after \($0) operations" }
            say("live memory, \(memory.database): \(looks.joined(separator: ", "))")
        }
        for copy in copies {
            let verdict = copy.ratio <= 2 ? "reached" : "missed"
            say(
                "copy of \(copy.users) users (\(copy.rows) rows) to \(copy.database): \(copy.copySeconds.shown) s; its own "
                    + "client: \(copy.bulkSeconds.shown) s; \(String(format: "%.2f", copy.ratio)) x  ≤ 2 \(verdict)")
        }
    }

    var json: Data {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            return try encoder.encode(self)
        }
    }
}

extension Comparison {
    static let heading =
        "what".padded(34) + "conns".padded(6) + "contender".padded(18) + "µs".leftPadded(9)
        + "cpu µs".leftPadded(9) + "ratio".leftPadded(8) + "  goal"

    /// A line for each contender; the ratio is that of ours to it.
    var lines: String {
        contenders.indices.map { index in
            let figure = figures[index]
            let isGoals = index == 1
            return (index == 0 ? title : "").padded(34) + (index == 0 ? "\(connections)" : "").padded(6)
                + contenders[index].padded(18) + figure.microseconds.shown.leftPadded(9)
                + figure.cpuMicroseconds.shown.leftPadded(9)
                + (index == 0 ? "" : String(format: "%.2f", ratios[index])).leftPadded(8)
                + (isGoals ? goal.map { "  ≤ \($0) \(ratios[index] <= $0 ? "reached" : "missed")" } ?? "" : "")
        }.joined(separator: "\n")
    }
}

extension Double {
    /// With one digit after the point.
    var shown: String { String(format: "%.1f", self) }
}

extension String {
    func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
    func leftPadded(_ width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
