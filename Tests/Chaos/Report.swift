/// What a round prints.
struct Report {
    var deeds: Deeds
    var faults: [String: Int]
    var stall: Double
    var findings: [String]
    var seed: UInt64

    func show() {
        showOperations()
        showRefusals()
        print("faults: " + faults.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", "))
        print("longest time without a write while the store should serve: \(Self.rounded(stall)) s")
        showFindings()
        print(findings.isEmpty ? "verdict: good, seed \(seed)" : "verdict: \(findings.count) violations, seed \(seed)")
    }

    /// Some findings of each sort: those that differ in numbers and names alone are one sort.
    private func showFindings() {
        let sorts = Dictionary(grouping: findings) { $0.filter { $0.isWhitespace || ("g"..."z").contains($0) } }
        for (_, alike) in sorts.sorted(by: { $0.key < $1.key }) {
            for finding in alike.prefix(4) { print("VIOLATION: \(finding)") }
            if alike.count > 4 { print("and \(alike.count - 4) more of this sort") }
        }
    }

    private func showOperations() {
        let kinds = Dictionary(grouping: deeds.all.values, by: \.operation.kind)
        print(Self.row("operation", ["done", "refused", "unknown", "cut short"]))
        var sums = [0, 0, 0, 0]
        for (kind, all) in kinds.sorted(by: { $0.key < $1.key }) {
            let counts = [Deeds.Outcome.acknowledged, .refused, .unknown, .inBetween].map { outcome in
                all.count { $0.outcome == outcome }
            }
            sums = zip(sums, counts).map(+)
            print(Self.row(kind, counts.map(String.init)))
        }
        print(Self.row("all", sums.map(String.init)))
    }

    private func showRefusals() {
        let reasons = Dictionary(grouping: deeds.all.values.compactMap(\.reason), by: { $0 }).mapValues(\.count)
        let sorted = reasons.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        print("refused: " + sorted.map { "\($0.value) \($0.key)" }.joined(separator: ", "))
    }

    private static func row(_ title: String, _ columns: [String]) -> String {
        title + String(repeating: " ", count: max(1, 16 - title.count))
            + columns.map { String(repeating: " ", count: max(1, 10 - $0.count)) + $0 }.joined()
    }

    private static func rounded(_ seconds: Double) -> Double { (seconds * 10).rounded() / 10 }
}
