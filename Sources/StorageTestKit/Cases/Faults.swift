internal import ClusterCore
internal import Synchronization

extension StorageConformance {
    private static func lostCommit(_ description: String, _ fault: ConnectionFault) -> ConformanceCase {
        ConformanceCase(description, requires: .faults) { store in
            let backend = try await store.founded()
            let faulty = try await store.openFaulty()
            _ = try await faulty.backend.read { try $0.config.revision() }
            for round in 1...3 {
                let runs = Mutex(0)
                try await faulty.backend.write { writer in
                    try increment(writer)
                    try writer.change(by: .kit) { _ = try $0.add(Sample.user(UInt64(round))) }
                    let run = runs.withLock { runs in
                        runs += 1
                        return runs
                    }
                    if run == 1 { faulty.arm(fault) }
                }
                try expectEqual(try await counter(backend), round, "the counter after \(runs.withLock { $0 }) tries")
                let revision = try await backend.read { try $0.config.revision().number }
                try expectEqual(revision, Int64(round + 1), "the revision")
                let audit = try await backend.read { try $0.config.auditEntries(before: nil, limit: 100).rows.count }
                try expectEqual(audit, round + 1, "the audit entries")
            }
        }
    }

    static let faults: [ConformanceCase] = [
        lostCommit("faults: a commit that never arrived is made once all the same", .requestLost),
        lostCommit("faults: a commit whose answer was lost is not made a second time", .answerLost),
        ConformanceCase(
            "faults: a failure of the body after a lost commit is told, and only if nothing was written",
            requires: .faults
        ) {
            store in
            let backend = try await store.founded()
            let faulty = try await store.openFaulty()
            struct SecondRun: Error {}
            for fault in ConnectionFault.allCases {
                let before = try await counter(backend)
                let runs = Mutex(0)
                var failed = false
                do {
                    try await faulty.backend.write { writer in
                        try increment(writer)
                        let run = runs.withLock { runs in
                            runs += 1
                            return runs
                        }
                        guard run == 1 else { throw SecondRun() }
                        faulty.arm(fault)
                    }
                } catch is SecondRun {
                    failed = true
                }
                let written = try await counter(backend) - before
                try expectEqual(
                    written, failed ? 0 : 1, "\(fault): what was written when it \(failed ? "failed" : "went well")")
            }
        },
        ConformanceCase(
            "faults: a connection that is lost in a transaction or between two costs nobody anything", requires: .faults
        ) {
            store in
            let backend = try await store.founded()
            let faulty = try await store.openFaulty()
            // Its connections are there when the faults come.
            _ = try await faulty.backend.read { try $0.config.revision() }
            try await faulty.backend.write { try increment($0) }
            for fault in ConnectionFault.allCases {
                let before = try await counter(backend)
                faulty.arm(fault)
                _ = try await faulty.backend.read { try $0.config.revision() }
                faulty.arm(fault)
                try await faulty.backend.write { try increment($0) }
                let runs = Mutex(0)
                try await faulty.backend.write { writer in
                    let run = runs.withLock { runs in
                        runs += 1
                        return runs
                    }
                    if run == 1 { faulty.arm(fault) }
                    try increment(writer)
                }
                try expectEqual(try await counter(backend), before + 2, "\(fault): the counter")
            }
        },
    ]
}
