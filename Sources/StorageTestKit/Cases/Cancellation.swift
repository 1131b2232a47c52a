internal import ClusterCore
internal import Synchronization

extension StorageConformance {
    static let cancellation: [ConformanceCase] = [
        ConformanceCase("cancellation: a cancelled task begins no body, and the store goes on") { store in
            let backend = try await store.founded()
            let runs = Mutex(0)
            let task = Task {
                // The task is cancelled before it comes to this.
                while !Task.isCancelled { await Task.yield() }
                for attempt in 0..<2 {
                    do {
                        if attempt == 0 {
                            try await backend.write { writer in
                                runs.withLock { $0 += 1 }
                                try increment(writer)
                            }
                        } else {
                            try await backend.read { _ in runs.withLock { $0 += 1 } }
                        }
                        throw ConformanceFailure("a cancelled \(attempt == 0 ? "write" : "read") went well")
                    } catch is CancellationError {}
                }
            }
            task.cancel()
            try await task.value
            try expectEqual(runs.withLock { $0 }, 0, "how often a body was run")
            try expectEqual(try await counter(backend), 0, "the counter")
        },
        ConformanceCase("cancellation: one who waits for others is let go at once, and writes nothing later") { store in
            let handles = try await store.founded(handles: 2)
            let (began, finish) = (Gate(), Gate())
            async let holding: Void = handles[0].write { writer in
                try increment(writer)
                began.open()
                finish.wait(seconds: 10)
            }
            await began.waitAsync()
            // More than there can be connections, so that some wait for one and some for the row.
            let tasks = (0..<20).map { _ in Task { try await handles[0].write { try increment($0) } } }
            try await Task.sleep(for: .milliseconds(300))
            let start = ContinuousClock.now
            for task in tasks { task.cancel() }
            // What already runs on the store may go on until its holder is through.
            let opener = Task {
                try? await Task.sleep(for: .seconds(2))
                finish.open()
            }
            var (written, cancelled) = (0, 0)
            for task in tasks {
                switch await task.result {
                case .success: written += 1
                case .failure(let error) where error is CancellationError: cancelled += 1
                case .failure(let error): throw ConformanceFailure("a cancelled write failed with \(error)")
                }
            }
            finish.open()
            opener.cancel()
            try await holding
            try expect(ContinuousClock.now - start < .seconds(8), "it took \(ContinuousClock.now - start)")
            try expect(cancelled >= 15, "only \(cancelled) of 20 were let go")
            try await Task.sleep(for: .milliseconds(200))
            try expectEqual(try await counter(handles[1]), 1 + written, "what was written")
        },
    ]
}
