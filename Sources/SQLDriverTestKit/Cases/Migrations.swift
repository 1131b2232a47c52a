internal import ClusterCore
internal import Foundation
internal import StorageSQL
internal import Synchronization

extension DriverConformance {
    /// A step that a later version might have.
    private static let later =
        Schema.steps + [
            Migration(number: Schema.steps.count + 1, name: "a table more") { connection in
                for statement in connection.dialect.creating(
                    SQLTable("kit_later", [.init("id", .integer)], primaryKey: ["id"]))
                {
                    try connection.execute(statement)
                }
            }
        ]

    static let migrations: [DriverCase] = [
        DriverCase(
            "migrations: an empty database gets the schema, and a second run changes nothing", needs: .ownDatabase
        ) {
            driver in
            try inDatabase(driver) { database in
                let steps = Mutex<[Int]>([])
                for _ in 0..<2 {
                    try migrate(
                        database, driver, Migrator(beforeStep: { step in steps.withLock { $0.append(step.number) } }))
                }
                try expect(
                    steps.withLock { $0 } == Array(1...Schema.steps.count), "steps ran: \(steps.withLock { $0 })")
                try expect(try tables(database).count == allTables.count, "tables are missing")
            }
        },
        DriverCase("migrations: from each earlier schema one comes to the same", needs: .ownDatabase) { driver in
            for version in 1..<later.count {
                try inDatabase(driver) { database in
                    try migrate(database, driver, Migrator(steps: Array(later.prefix(version))))
                    let ran = Mutex<[Int]>([])
                    try migrate(
                        database, driver,
                        Migrator(steps: later, afterStep: { step in ran.withLock { $0.append(step.number) } }))
                    let expected = Array((version + 1)...later.count)
                    try expect(ran.withLock { $0 } == expected, "from \(version): \(ran.withLock { $0 }) were run")
                    try expect(try tables(database).count == allTables.count, "from \(version): tables are missing")
                    try refusesOlder(database)
                }
            }
        },
        DriverCase("migrations: one that breaks off after any step goes on where it was", needs: .ownDatabase) {
            driver in
            struct Crash: Error {}
            for step in 1...later.count {
                try inDatabase(driver) { database in
                    let failing = Migrator(steps: later, afterStep: { if $0.number == step { throw Crash() } })
                    do {
                        try migrate(database, driver, failing)
                        throw DriverCaseFailure("the crash did not come out")
                    } catch is Crash {}
                    try migrate(database, driver, Migrator(steps: later))
                    try expect(try tables(database).count == allTables.count, "tables are missing")
                }
            }
        },
        DriverCase("migrations: several processes at once run each step once", needs: .ownDatabase) { driver in
            try inDatabase(driver) { database in
                let ran = Mutex<[Int]>([])
                let migrator = Migrator(steps: later, afterStep: { step in ran.withLock { $0.append(step.number) } })
                for error in atOnce(Array(repeating: { try migrate(database, driver, migrator) }, count: 3)) {
                    if let error { throw error }
                }
                try expect(ran.withLock { $0 } == Array(1...later.count), "steps ran: \(ran.withLock { $0 })")
                try expect(try tables(database).count == allTables.count, "tables are missing")
            }
        },
    ]

    private static let allTables = [
        "cluster", "revision", "settings", "secrets", "users", "certificates", "token_refusals", "login_failures",
        "nodes", "node_subnets", "sessions", "connection_log", "address_memory", "audit_log", "schema_steps",
    ]

    private static func inDatabase(_ driver: DriverUnderTest, _ body: (EmptyDatabase) throws -> Void) throws {
        guard let make = driver.makeDatabase else { throw DriverCaseFailure("the driver gave no way to a database") }
        let database = try make()
        defer { database.remove() }
        try body(database)
    }

    /// Migrates as a process does that opens the database.
    private static func migrate(
        _ database: EmptyDatabase, _ driver: DriverUnderTest, _ migrator: Migrator
    ) throws {
        let connection = try database.open()
        defer { connection.close() }
        if driver.sever == nil { return try migrator.migrate(connection) }
        let preparation = ServerPreparation(
            mode: .create, migrator: migrator, environment: .system, pause: { Thread.sleep(forTimeInterval: 0.02) })
        try preparation.run(on: connection)
    }

    /// The tables of the schema that can be read.
    private static func tables(_ database: EmptyDatabase) throws -> [String] {
        let connection = try database.open()
        defer { connection.close() }
        return try allTables.filter { name in
            do {
                _ = try connection.rows("SELECT COUNT(*) FROM \(name)")
                return true
            } catch is StorageError {
                return false
            }
        }
    }

    /// That the present version leaves the schema of a later one alone.
    private static func refusesOlder(_ database: EmptyDatabase) throws {
        let connection = try database.open()
        defer { connection.close() }
        let error = try failure(of: "a look at a newer schema") { _ = try Migrator().need(of: connection) }
        try expect(error.code == .schemaTooNew, "a newer schema was refused with \(error.code)")
    }
}
