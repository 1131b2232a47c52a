/// How one case went.
public struct ConformanceResult: Hashable, Sendable {
    /// What came out.
    public enum Outcome: Hashable, Sendable {
        /// The backend does what the case says.
        case passed
        /// It does not; the text says what it did.
        case failed(String)
        /// The case was left out; the text says why.
        case skipped(String)
    }

    /// What the case shows, as a sentence that begins with its group.
    public var name: String
    /// What came out.
    public var outcome: Outcome
    /// How long it took.
    public var took: Duration

    /// Makes the value of its parts, which are explained at the properties.
    public init(name: String, outcome: Outcome, took: Duration) {
        self.name = name
        self.outcome = outcome
        self.took = took
    }

    /// Runs a case and says how it went.
    ///
    /// - Parameters:
    ///   - name: What the case shows.
    ///   - body: The case; it throws when it fails.
    public static func measured(_ name: String, _ body: () async throws -> Void) async -> ConformanceResult {
        let start = ContinuousClock.now
        do {
            try await body()
            return ConformanceResult(name: name, outcome: .passed, took: ContinuousClock.now - start)
        } catch {
            return ConformanceResult(name: name, outcome: .failed("\(error)"), took: ContinuousClock.now - start)
        }
    }

    /// Runs a case that blocks and says how it went.
    ///
    /// - Parameters:
    ///   - name: What the case shows.
    ///   - body: The case; it throws when it fails.
    public static func measured(_ name: String, _ body: () throws -> Void) -> ConformanceResult {
        let start = ContinuousClock.now
        let result = Result { try body() }
        let took = ContinuousClock.now - start
        return switch result {
        case .success: ConformanceResult(name: name, outcome: .passed, took: took)
        case .failure(let error): ConformanceResult(name: name, outcome: .failed("\(error)"), took: took)
        }
    }

    /// One line for a terminal.
    public var line: String {
        let milliseconds = took.components.seconds * 1000 + took.components.attoseconds / 1_000_000_000_000_000
        return switch outcome {
        case .passed: "ok      \(name) (\(milliseconds) ms)"
        case .failed(let what): "FAILED  \(name): \(what)"
        case .skipped(let why): "left    \(name): \(why)"
        }
    }
}

/// How all cases went.
public struct ConformanceReport: Hashable, Sendable, CustomStringConvertible {
    /// One for each case, in order.
    public var results: [ConformanceResult]

    /// - Parameter results: One for each case, in order.
    public init(results: [ConformanceResult] = []) { self.results = results }

    /// How many passed.
    public var passed: Int { results.count { $0.outcome == .passed } }
    /// Those that failed.
    public var failures: [ConformanceResult] {
        results.filter { if case .failed = $0.outcome { true } else { false } }
    }
    /// How many were left out.
    public var skipped: Int { results.count - passed - failures.count }
    /// Whether the backend does everything that was tried, and something was.
    public var isConforming: Bool { failures.isEmpty && passed > 0 }

    /// A line for each case and one with the sums.
    public var description: String {
        let sums = "\(passed) passed, \(failures.count) failed, \(skipped) left out"
        return (results.map(\.line) + [sums]).joined(separator: "\n")
    }
}
