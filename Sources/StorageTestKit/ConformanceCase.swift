/// One thing that every backend does.
public struct ConformanceCase: Sendable, CustomStringConvertible {
    /// What is shown, as a sentence that begins with its group: `isolation: no update is lost`.
    public let description: String
    /// What has to be there for it to be shown.
    public let requires: StorageCapabilities
    private let body: @Sendable (CaseStore) async throws -> Void

    init(
        _ description: String, requires: StorageCapabilities = [],
        _ body: @escaping @Sendable (CaseStore) async throws -> Void
    ) {
        self.description = description
        self.requires = requires
        self.body = body
    }

    /// The longest that a case may take before it counts as failed.
    public static let timeLimit = Duration.seconds(180)

    /// Shows it on an empty store, which is removed afterwards.
    ///
    /// - Throws: ``ConformanceFailure`` when the backend does otherwise, does not come to an end in ``timeLimit``, or
    ///   lacks what the case requires; what the backend threw where it should not have.
    public func run(on backend: BackendUnderTest) async throws {
        let missing = requires.subtracting(backend.capabilities)
        guard missing.isEmpty else { throw ConformanceFailure("it needs what the backend has not: \(missing)") }
        let clock = ConformanceClock()
        let store = CaseStore(try await backend.store(clock), clock)
        let result = await withTimeLimit(Self.timeLimit) { try await body(store) }
        // A backend that hangs would hang at its closing too.
        if case .failure(let error) = result, error is TimeLimitPassed {
            throw ConformanceFailure("it did not come to an end in \(Self.timeLimit)")
        }
        await store.close()
        try result.get()
    }
}

/// What a backend did that it should not have done.
public struct ConformanceFailure: Error, Sendable, CustomStringConvertible {
    /// What it was.
    public let description: String

    /// - Parameter description: What it was.
    public init(_ description: String) { self.description = description }
}

/// The cases for all backends.
public enum StorageConformance {
    /// Every case.
    public static let cases: [ConformanceCase] =
        types + constraints + isolation + nodes + revisions + configuration + sessions + paging + clocks + cancellation
        + load + lanes + faults + endings

    /// The cases that a backend of these capabilities is held to.
    public static func cases(supporting capabilities: StorageCapabilities) -> [ConformanceCase] {
        cases.filter { $0.requires.isSubset(of: capabilities) }
    }

    /// Runs every case, one after the other, for some minutes at worst.
    ///
    /// - Parameters:
    ///   - backend: What is tested.
    ///   - each: Is told of each result as it comes.
    /// - Returns: All results, with those that were left out; when the task is cancelled, those that there are.
    public static func run(
        on backend: BackendUnderTest, each: @Sendable (ConformanceResult) -> Void = { _ in }
    ) async -> ConformanceReport {
        var report = ConformanceReport()
        for testCase in cases where !Task.isCancelled {
            let missing = testCase.requires.subtracting(backend.capabilities)
            let result =
                if missing.isEmpty {
                    await ConformanceResult.measured(testCase.description) { try await testCase.run(on: backend) }
                } else {
                    ConformanceResult(name: testCase.description, outcome: .skipped("needs \(missing)"), took: .zero)
                }
            report.results.append(result)
            each(result)
        }
        return report
    }
}
