import ClusterCore
import Foundation
import SQLDriverTestKit
import StorageSQL
import Testing

@Suite("SQL drivers", .serialized)
struct DriverTests {
    private static let cases = DriverConformance.cases(having: [.server, .proxy, .ownDatabase])

    @Test("MariaDB does what every driver does", arguments: cases)
    func mariadb(_ testCase: DriverCase) async throws { try await run(testCase, .mariadb) }

    @Test("PostgreSQL does what every driver does", arguments: cases)
    func postgres(_ testCase: DriverCase) async throws { try await run(testCase, .postgres) }

    @Test("PostgreSQL does the same without prepared statements, as poolers need it", arguments: [0, 1, 2, 3])
    func pooled(group: Int) async throws {
        let database = try await TestDatabase.make(.postgres)
        try await onBlockingThread("case") {
            let url = try database.url() + "&prepared-statements=off"
            let driver = DriverUnderTest(open: { try Servers.connect(.postgres, url) })
            for (index, testCase) in DriverConformance.cases(having: []).enumerated()
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
