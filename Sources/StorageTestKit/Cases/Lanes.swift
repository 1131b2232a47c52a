internal import ClusterCore
internal import Synchronization

extension StorageConformance {
    static let lanes: [ConformanceCase] = [
        ConformanceCase("lanes: one is not held up by a crowd at its backend, and does all that a backend does") {
            store in
            let backend = try await store.founded()
            let lane = try await backend.lane("kit", limits: LaneLimits())
            let gate = (0..<40).map { _ in Gate() }
            let crowd = gate.map { gate in Task { try await backend.read { _ in gate.wait(seconds: 3) } } }
            try await Task.sleep(for: .milliseconds(100))
            let start = ContinuousClock.now
            try await lane.write { try increment($0) }
            try expectEqual(try await counter(lane), 1, "the counter")
            let took = ContinuousClock.now - start
            for gate in gate { gate.open() }
            for task in crowd { _ = await task.result }
            try expect(took < .milliseconds(2500), "the lane took \(took)")
            await lane.close()
            try expectEqual(try await counter(backend), 1, "the counter after the lane was closed")
        },
        ConformanceCase("lanes: those of a backend are closed with it") { store in
            let backend = try await store.founded()
            let lane = try await backend.lane("kit", limits: LaneLimits())
            _ = try await lane.read { try $0.config.revision() }
            await backend.close()
            try await expectFailure(.closed, of: "a read on the lane of a closed backend") {
                try await lane.read { try $0.config.revision() }
            }
            try await expectFailure(.closed, of: "a lane of a closed backend") {
                try await backend.lane("late", limits: LaneLimits())
            }
        },
        ConformanceCase("watch: it tells the revision that there is, and each later one soon after") { store in
            let handles = try await store.founded(handles: 2)
            let seen = Mutex<[Int64]>([])
            let watching = Task {
                for await revision in handles[0].watch(every: .milliseconds(50)).changes {
                    seen.withLock { $0.append(revision.number) }
                }
            }
            defer { watching.cancel() }
            for number: Int64 in 1...4 {
                if number > 1 { try await handles[1].change { _ = try $0.add(Sample.user(UInt64(number))) } }
                let start = ContinuousClock.now
                while seen.withLock({ $0.last }) != number {
                    try expect(ContinuousClock.now - start < .seconds(5), "revision \(number) was not seen in 5 s")
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
            try expectEqual(seen.withLock { $0 }, [1, 2, 3, 4], "what was seen")
        },
        ConformanceCase("watch: it ends when its task is cancelled, and when the backend is closed") { store in
            let handles = try await store.founded(handles: 2)
            for (index, handle) in handles.enumerated() {
                let began = Gate()
                let watching = Task {
                    for await _ in handle.watch(every: .milliseconds(50)) { began.open() }
                }
                await began.waitAsync()
                let start = ContinuousClock.now
                if index == 0 { watching.cancel() } else { await handle.close() }
                await watching.value
                try expect(ContinuousClock.now - start < .seconds(3), "it took \(ContinuousClock.now - start)")
            }
        },
        ConformanceCase("state: a store that is left takes no writes but those that say so, and is read as before") {
            store in
            let handles = try await store.founded(handles: 2)
            let ready = try await handles[0].read { try $0.state() }
            try expectEqual(ready.phase, .ready, "the phase at first")
            for phase in [StoreState.Phase.moving, .importing] {
                try await expectFailure(.outdated, of: "a write in \(phase) to a store that is ready") {
                    try await handles[1].write(in: phase) { try increment($0) }
                }
                try await handles[0].write { try $0.setState(phase, target: "postgres://there/ä") }
                try await expectFailure(.moving, of: "a write to a store that is \(phase)") {
                    try await handles[1].write { try increment($0) }
                }
                let state = try await handles[1].read { try $0.state() }
                try expectEqual(state.phase, phase, "the phase")
                try expectEqual(state.target, "postgres://there/ä", "the target")
                try await handles[1].write(in: phase) { writer in
                    try increment(writer)
                    try writer.setState(.ready, target: nil)
                }
                try await handles[0].write { try increment($0) }
            }
            let state = try await handles[0].read { try $0.state() }
            try expect(state.phase == .ready && state.target == nil, "the store is not ready again")
            try expectEqual(try await counter(handles[0]), 4, "the counter")
        },
        ConformanceCase(
            "state: once a store is left, no write that was under way comes after", requires: .serializable
        ) { store in
            let handles = try await store.founded(handles: 3)
            try await handles[0].write { try $0.nodes.add(Sample.node(1)) }
            let writers = handles[..<2].map { handle in
                Task { while true { try await handle.write { try increment($0) } } }
            }
            try await Task.sleep(for: .milliseconds(200))
            let last = try await handles[2].write { writer in
                try writer.setState(.moving, target: nil)
                return try writer.accounts.loginFailures(of: Sample.id(1))?.count ?? 0
            }
            for writer in writers {
                guard case .failure(let error) = await writer.result, (error as? StorageError)?.code == .moving else {
                    throw ConformanceFailure("a writer ended otherwise than with `moving`")
                }
            }
            try expectEqual(try await counter(handles[0]), last, "the counter afterwards")
        },
    ]
}
