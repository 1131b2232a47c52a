public import StorageTestKit

extension DriverConformance {
    /// Runs every case, one after the other, for some minutes at worst; blocks the thread that it runs on.
    ///
    /// - Parameters:
    ///   - driver: What is tested.
    ///   - each: Is told of each result as it comes.
    /// - Returns: All results, with those that were left out because the database has no server.
    public static func run(
        on driver: DriverUnderTest, each: (ConformanceResult) -> Void = { _ in }
    ) -> ConformanceReport {
        let possible = Set(cases(hasServer: driver.sever != nil).map(\.description))
        var report = ConformanceReport()
        for testCase in cases(hasServer: true) {
            let result =
                if possible.contains(testCase.description) {
                    ConformanceResult.measured(testCase.description) { try testCase.run(on: driver) }
                } else {
                    ConformanceResult(
                        name: testCase.description, outcome: .skipped("needs a server that connections can be lost to"),
                        took: .zero)
                }
            report.results.append(result)
            each(result)
        }
        return report
    }
}
