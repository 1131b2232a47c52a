import StorageTestKit
import Testing

@Suite("Backends", .serialized)
struct ConformanceTests {
    @Test("SQLite does what every backend does", arguments: cases(of: SQLiteUnderTest.backend))
    func sqlite(_ testCase: ConformanceCase) async throws {
        try await testCase.run(on: SQLiteUnderTest.backend)
    }
}

private func cases(of backend: BackendUnderTest) -> [ConformanceCase] {
    StorageConformance.cases(supporting: backend.capabilities)
}
