import ClusterCore

/// What all workers did, by their journals.
struct Deeds: Sendable {
    enum Outcome: Hashable, Sendable {
        case acknowledged, refused, unknown
        /// The worker did not live to hear of it.
        case inBetween

        /// Whether it may be in the store.
        var mayBeThere: Bool { self != .refused }
        /// Whether it may be missing there.
        var mayBeMissing: Bool { self != .acknowledged }
    }

    struct Deed: Sendable {
        var name: String
        var operation: Operation
        var outcome = Outcome.inBetween
        var result: Result?
        var reason: String?
    }

    private(set) var all: [String: Deed] = [:]
    private(set) var complaints: [String] = []
    /// When something was acknowledged, in order.
    private(set) var progress: [Int64] = []

    init(journals: [[Line]]) {
        for line in journals.joined() { add(line) }
        progress.sort()
    }

    private mutating func add(_ line: Line) {
        switch line.entry {
        case .begins(let name, let operation): all[name] = Deed(name: name, operation: operation)
        case .acknowledged(let name, let result):
            all[name]?.outcome = .acknowledged
            all[name]?.result = result
            progress.append(line.microseconds)
        case .refused(let name, let reason):
            all[name]?.outcome = .refused
            all[name]?.reason = reason
        case .unknown(let name): all[name]?.outcome = .unknown
        case .complains(let text): complaints.append(text)
        }
    }

    /// The longest time without any progress in times when there should have been some, in seconds.
    func longestStall(in healthy: [Range<Int64>]) -> Double {
        var longest: Int64 = 0
        for range in healthy {
            var last = range.lowerBound
            for moment in progress where range.contains(moment) {
                longest = max(longest, moment - last)
                last = moment
            }
            longest = max(longest, range.upperBound - last)
        }
        return Double(longest) / 1_000_000
    }
}
