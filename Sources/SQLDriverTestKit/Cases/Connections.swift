internal import ClusterCore
internal import Foundation
internal import StorageSQL
internal import Synchronization

extension DriverConformance {
    private static let table = SQLTable(
        "kit_lost", [.init("id", .integer), .init("value", .integer)], primaryKey: ["id"])

    private static let insert = "INSERT INTO kit_lost (id, value) VALUES (?, ?)"

    static let connections: [DriverCase] = [
        DriverCase(
            "connections: one that the server ended before a commit is told as lost, and nothing is written",
            needs: .server
        ) {
            driver in
            guard let sever = driver.sever else { throw DriverCaseFailure("the driver gave no way to sever") }
            try driver.withTable(table) { connection in
                let victim = try driver.open()
                defer { victim.close() }
                try victim.begin(.write)
                try victim.execute(insert, [.integer(1), .integer(1)])
                try sever(victim)
                let error = try failure(of: "a statement on a severed connection") {
                    try victim.execute(insert, [.integer(2), .integer(2)])
                }
                try expect(error.code == .connectionLost, "it failed with \(error.code)")
                try expect(!victim.isUsable, "the connection counts as usable")
                victim.rollback()
                try expect(try connection.number("SELECT COUNT(*) FROM kit_lost") == 0, "something was written")
            }
        },
        lostCommit(
            "connections: a commit that never arrived is unknown, and not there", fault: .dropRequest, rows: 0),
        lostCommit(
            "connections: a commit whose answer was lost is unknown, and there", fault: .dropAnswer, rows: 1),
        cutCommit,
        DriverCase(
            "connections: a network that is cut between two statements is told as a lost connection", needs: .proxy
        ) {
            driver in
            try driver.withTable(table) { _ in
                try through(driver) { proxy, victim in
                    proxy.arm(.dropRequest)
                    let error = try failure(of: "a statement on a cut connection") {
                        try victim.execute(insert, [.integer(1), .integer(1)])
                    }
                    try expect(error.code == .connectionLost, "it failed with \(error.code)")
                    try expect(!victim.isUsable, "the connection counts as usable")
                }
            }
        },
        DriverCase("connections: a server that cannot be reached is told as such, within seconds", needs: .proxy) {
            driver in
            guard let open = driver.openThrough else { throw DriverCaseFailure("the driver gave no way to a proxy") }
            let proxy = try FaultProxy(to: driver.port)
            proxy.close()
            let start = ContinuousClock.now
            let error = try failure(of: "a connect to a closed port") { _ = try open(proxy) }
            try expect(error.code == .unavailable || error.code == .timeout, "it failed with \(error.code)")
            try expect(ContinuousClock.now - start < .seconds(15), "it took \(ContinuousClock.now - start)")
        },
        DriverCase("connections: a statement that waits can be stopped, and the connection goes on", needs: .server) {
            driver in
            try driver.withTable(table) { connection in
                try connection.execute(insert, [.integer(1), .integer(0)])
                try connection.begin(.write)
                try connection.execute("UPDATE kit_lost SET value = ?", [.integer(1)])
                try stopWaiting(driver)
                connection.rollback()
            }
        },
    ]

    private static func lostCommit(_ description: String, fault: FaultProxy.Fault, rows: Int64) -> DriverCase {
        DriverCase(description, needs: .proxy) { driver in
            try driver.withTable(table) { connection in
                try through(driver) { proxy, victim in
                    try victim.begin(.write)
                    try victim.execute(insert, [.integer(1), .integer(1)])
                    proxy.arm(fault)
                    let error = try failure(of: "a commit whose answer is lost") { try victim.commit() }
                    try expect(error.code == .commitUnknown, "it failed with \(error.code)")
                    try expect(!victim.isUsable, "the connection counts as usable")
                    victim.rollback()
                }
                try waitForRows(connection, [rows])
            }
        }
    }

    /// Cuts the connection after each byte that a commit sends or is answered.
    private static let cutCommit = DriverCase(
        "connections: a commit that is cut after any byte is told truly, and is there whole or not at all",
        needs: .proxy
    ) { driver in
        try driver.withTable(table) { connection in
            var whole = FaultProxy.Exchange()
            try through(driver) { proxy, victim in
                try writeTwo(victim)
                proxy.arm(.none)
                try victim.commit()
                whole = proxy.exchange
            }
            try expect(whole.request > 0 && whole.answer > 0, "the commit was not seen on its way: \(whole)")
            try expect(whole.request + whole.answer < 2000, "the commit takes \(whole) bytes")
            let faults =
                (0..<whole.request).map { FaultProxy.Fault.afterRequest(bytes: $0) }
                + (0..<whole.answer).map { FaultProxy.Fault.afterAnswer(bytes: $0) }
            for (index, fault) in faults.enumerated() {
                // Rows of its own: a commit that was cut may still be carried out a moment later.
                let first = Int64(10 + 2 * index)
                var outcome: StorageError.Code?
                try through(driver) { proxy, victim in
                    try writeTwo(victim, from: first)
                    proxy.arm(fault)
                    do { try victim.commit() } catch let error as StorageError { outcome = error.code }
                    victim.rollback()
                }
                let arrived = if case .afterAnswer = fault { true } else { false }
                try expect(
                    outcome == nil && arrived || outcome == .commitUnknown,
                    "\(fault) gave \(outcome.map { "\($0)" } ?? "no error")")
                // Whether a commit that lacks its last bytes is carried out is the server's affair.
                try waitForRows(connection, arrived ? [2] : [0, 2], from: first)
            }
        }
    }

    private static func writeTwo(_ connection: any SQLConnection, from first: Int64 = 1) throws {
        try connection.begin(.write)
        for id in first...(first + 1) { try connection.execute(insert, [.integer(id), .integer(1)]) }
    }

    /// Waits until there are as many rows as there may be: the server takes a moment to know that its client is gone.
    private static func waitForRows(
        _ connection: any SQLConnection, _ allowed: Set<Int64>, from first: Int64 = 0
    ) throws {
        var count: Int64?
        for _ in 0..<50 {
            count = try connection.number(
                "SELECT COUNT(*) FROM kit_lost WHERE id >= ? AND id <= ?", [.integer(first), .integer(first + 1)])
            if let count, allowed.contains(count) { return }
            Thread.sleep(forTimeInterval: 0.1)
        }
        throw DriverCaseFailure("\(count ?? -1) rows are there, and \(allowed.sorted()) should be")
    }

    private static func through(
        _ driver: DriverUnderTest, _ body: (FaultProxy, any SQLConnection) throws -> Void
    ) throws {
        guard let open = driver.openThrough else { throw DriverCaseFailure("the driver gave no way to a proxy") }
        let proxy = try FaultProxy(to: driver.port)
        defer { proxy.close() }
        let connection = try open(proxy)
        defer { connection.close() }
        try body(proxy, connection)
    }

    /// Has a statement wait for a row that another connection wrote, and stops it.
    private static func stopWaiting(_ driver: DriverUnderTest) throws {
        let canceller = Mutex<(any StatementCanceller)?>(nil)
        let outcome = Mutex<(StorageError.Code?, Duration, Bool)>((nil, .zero, false))
        let ready = Gate()
        let errors = atOnce([
            {
                let waiting = try driver.open()
                defer { waiting.close() }
                canceller.withLock { $0 = waiting.canceller }
                ready.open()
                let start = ContinuousClock.now
                let error = try failure(of: "a statement that was stopped") {
                    try waiting.execute("UPDATE kit_lost SET value = ?", [.integer(2)])
                }
                let took = ContinuousClock.now - start
                waiting.rollback()
                let goesOn = try waiting.number("SELECT COUNT(*) FROM kit_lost") == 1
                outcome.withLock { $0 = (error.code, took, goesOn) }
            },
            {
                ready.wait()
                Thread.sleep(forTimeInterval: 0.5)
                guard let stop = canceller.withLock({ $0 }) else {
                    throw DriverCaseFailure("the connection has nothing to stop a statement with")
                }
                stop.cancel()
            },
        ])
        for error in errors { if let error { throw error } }
        let (code, took, goesOn) = outcome.withLock { $0 }
        try expect(code == .timeout, "it failed with \(code?.description ?? "nothing")")
        try expect(took > .milliseconds(300) && took < .seconds(4), "it took \(took)")
        try expect(goesOn, "the connection does not go on")
    }
}
