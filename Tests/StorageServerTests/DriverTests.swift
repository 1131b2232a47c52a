import ClusterCore
import Foundation
import SQLDriverTestKit
import StorageSQL
import Testing

@testable import StorageSQLite

@Suite("SQL drivers", .serialized)
struct DriverTests {
    @Test("SQLite does what every driver does", arguments: DriverConformance.cases(hasServer: false))
    func sqlite(_ testCase: DriverCase) async throws {
        let path = NSTemporaryDirectory() + "asnode-driver-\(UUID().uuidString).db"
        defer { for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) } }
        let options = SQLiteConnection.Options(
            path: path, mode: .write, busyTimeout: .seconds(3), statementTimeout: .seconds(30), environment: .system)
        try await onBlockingThread("case") {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
            try SQLiteConnection(options).useWriteAheadLog()
            try testCase.run(on: DriverUnderTest(open: { try SQLiteConnection(options) }))
        }
    }

    @Test("MariaDB does what every driver does", arguments: DriverConformance.cases(hasServer: true))
    func mariadb(_ testCase: DriverCase) async throws { try await run(testCase, .mariadb) }

    @Test("PostgreSQL does what every driver does", arguments: DriverConformance.cases(hasServer: true))
    func postgres(_ testCase: DriverCase) async throws { try await run(testCase, .postgres) }

    @Test("PostgreSQL does the same without prepared statements, as poolers need it", arguments: [0, 1, 2, 3])
    func pooled(group: Int) async throws {
        let database = try await TestDatabase.make(.postgres)
        try await onBlockingThread("case") {
            let url = try database.url() + "&prepared-statements=off"
            let driver = DriverUnderTest(open: { try Servers.connect(.postgres, url) })
            for (index, testCase) in DriverConformance.cases(hasServer: false).enumerated()
            where index % 4 == group {
                try testCase.run(on: driver)
            }
        }
    }

    private func run(_ testCase: DriverCase, _ engine: Engine) async throws {
        let database = try await TestDatabase.make(engine)
        try await onBlockingThread("case") { try testCase.run(on: try database.underTest) }
    }
}
