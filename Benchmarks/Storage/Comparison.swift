import Glibc

/// One of those that are compared: runs so many operations on each of its connections.
struct Contender {
    let name: String
    let run: (_ operations: Int) async throws -> Duration
}

/// What a contender needed.
struct Figure: Codable {
    /// The median of all rounds, in microseconds an operation and connection.
    var microseconds: Double
    /// Time of this process's CPUs, in microseconds an operation; the servers are processes of their own.
    var cpuMicroseconds: Double
}

/// Several contenders that did the same, in turns.
struct Comparison: Codable {
    /// What was done.
    var title: String
    /// How many connections did it at once.
    var connections: Int
    /// The most that the first may need of what the second needs, where there is such a goal.
    var goal: Double?
    /// Names and figures; the first is ours.
    var contenders: [String]
    var figures: [Figure]
    /// The median of the rounds' ratios of the first to each.
    var ratios: [Double]

    /// Runs the contenders in turns, so that whatever else the machine does hits all of them.
    init(
        _ title: String, connections: Int, goal: Double?, effort: Effort, _ all: [Contender]
    ) async throws {
        let contenders = effort.storeOnly ? Array(all.prefix(1)) : all
        var operations: [Int] = []
        for contender in contenders {
            let trial = try await contender.run(effort.trial)
            let fitting = Double(effort.trial) * (effort.segment / trial)
            operations.append(max(effort.trial, Int(min(fitting, 1_000_000))))
        }
        var times = contenders.map { _ in [Double]() }
        var cpu = times
        for _ in 0..<effort.rounds {
            for (index, contender) in contenders.enumerated() {
                let before = Self.cpuTime()
                let elapsed = try await contender.run(operations[index])
                let count = Double(operations[index])
                times[index].append(elapsed / .microseconds(1) / count)
                cpu[index].append((Self.cpuTime() - before) / .microseconds(1) / count / Double(connections))
            }
        }
        self.title = title
        self.connections = connections
        self.goal = goal
        self.contenders = contenders.map(\.name)
        self.figures = zip(times, cpu).map { Figure(microseconds: $0.median, cpuMicroseconds: $1.median) }
        self.ratios = times.map { theirs in zip(times[0], theirs).map { $0 / $1 }.median }
    }

    private static func cpuTime() -> Duration {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return .seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + .microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
    }
}

/// How long one takes over it.
struct Effort {
    /// How often each contender runs.
    var rounds: Int
    /// How long each run takes.
    var segment: Duration
    /// How many operations a connection are tried to find out how many fill a run.
    var trial: Int
    /// Whether the bare clients are left out, for a profiler.
    var storeOnly = false

    /// How many users a cluster has that is copied.
    var copiedUsers = 100_000

    static let full = Effort(rounds: 7, segment: .milliseconds(400), trial: 64)
    /// Shows that everything works; the figures are worth nothing.
    static let quick = Effort(rounds: 1, segment: .milliseconds(5), trial: 4, copiedUsers: 500)
}

extension [Double] {
    /// The one in the middle.
    var median: Double {
        let sorted = sorted()
        guard !isEmpty else { return .nan }
        return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
    }
}
