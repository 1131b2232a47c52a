import ClusterCore

/// Compares what is in the store with what the workers were told.
struct Referee {
    var findings: [String] = []
    let image: StoreImage
    let deeds: Deeds

    init(_ image: StoreImage, _ deeds: Deeds) {
        self.image = image
        self.deeds = deeds
        let history = History(image, deeds)
        findings += deeds.complaints + history.findings
        if image.rejected > 0 { findings.append("\(image.rejected) rows cannot be used") }
        checkCounters(history)
        checkNodes()
        checkSessions()
    }

    /// Each committed operation took exactly one version of each row that it counts on.
    private mutating func checkCounters(_ history: History) {
        var told: [UserID: [Int64: String]] = [:]
        var possible: [UserID: Int] = [:]
        var certain: [UserID: Int] = [:]
        for deed in deeds.all.values {
            for counter in deed.operation.counters where deed.outcome.mayBeThere {
                possible[counter, default: 0] += 1
                if deed.outcome == .acknowledged || history.revisions[deed.name] != nil {
                    certain[counter, default: 0] += 1
                }
            }
            for (counter, version) in deed.result?.versions ?? [:] {
                if let other = told[counter, default: [:]].updateValue(deed.name, forKey: version) {
                    findings.append("\(deed.name) and \(other) both wrote version \(version) of \(counter)")
                }
            }
        }
        for (id, row) in image.counters {
            // The first version is the founder's.
            let count = Int(row.version) - 1
            let range = certain[id, default: 0]...max(possible[id, default: 0], certain[id, default: 0])
            if !range.contains(count) {
                findings.append("\(id) was counted on \(count) times, not \(range.lowerBound) to \(range.upperBound)")
            }
            if !Names.accounts.contains(id), row.count != count {
                findings.append("\(id) stands at \(row.count) after \(count) additions")
            }
            if let latest = told[id]?.keys.max(), latest > row.version {
                findings.append("version \(latest) of \(id) was acknowledged and is lost")
            }
        }
        let wealth = Names.accounts.reduce(0) { $0 + (image.counters[$1]?.count ?? 0) }
        if wealth != Names.wealth * Names.accounts.count { findings.append("the accounts add up to \(wealth)") }
    }

    /// The transactions of a node, in the order of its counter: epochs never go back, and within one each renews once.
    private mutating func checkNodes() {
        for node in image.nodes {
            let counter = Names.counter(of: node.id)
            let steps = deeds.all.values.compactMap { deed -> (order: Int64, lease: Lease, name: String)? in
                guard let lease = deed.result?.lease, lease.node == node.id,
                    let order = deed.result?.versions[counter]
                else { return nil }
                return (order, lease, deed.name)
            }.sorted { $0.order < $1.order }
            for (epoch, steps) in Dictionary(grouping: steps, by: \.lease.epoch) {
                // A name begins with its process.
                let processes = Set(steps.map { $0.name[..<($0.name.lastIndex(of: "-") ?? $0.name.endIndex)] })
                if processes.count > 1 {
                    findings.append("\(processes.count) processes wrote in epoch \(epoch) of \(node.name)")
                }
            }
            for (earlier, later) in zip(steps, steps.dropFirst()) {
                let isNext =
                    earlier.lease.epoch == later.lease.epoch
                    ? later.lease.generation - earlier.lease.generation == later.order - earlier.order
                    : later.lease.epoch > earlier.lease.epoch
                if !isNext {
                    findings.append(
                        "\(later.name) wrote as \(later.lease) after \(earlier.name) had as \(earlier.lease)")
                }
            }
            if let last = steps.last?.lease, (last.epoch, last.generation) > (node.epoch, node.generation) {
                findings.append("\(node.name) is behind what was acknowledged to it")
            }
        }
    }
}

extension Operation {
    /// The rows that it adds to.
    var counters: [UserID] {
        switch self {
        case .changeTogether(_, _, _, let counter), .count(let counter): [counter]
        case .transfer(let source, let target, _): [source, target]
        case .beginEpoch(let node, _): [Names.counter(of: node)]
        case .beginSessions(let lease, _), .updateSessions(let lease, _, _), .endSessions(let lease, _):
            [Names.counter(of: lease.node)]
        default: []
        }
    }
}
