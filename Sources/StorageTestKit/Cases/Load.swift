internal import ClusterCore

extension StorageConformance {
    static let load: [ConformanceCase] = [
        ConformanceCase("load: three hundred at once are all served") { store in
            let backend = try await store.founded()
            try await backend.change { _ = try $0.add(Sample.user(1)) }
            let results = await atOnce(
                (0..<300).map { number in
                    { @Sendable in
                        guard number.isMultiple(of: 5) else {
                            return try await backend.read { try $0.accounts.user(Sample.id(1))?.version ?? 0 }
                        }
                        try await backend.write { try $0.sessions.begin([Sample.session(UInt64(number))]) }
                        return 1
                    }
                })
            for result in results { try expectEqual(try result.get(), 1, "an answer") }
            let count = try await backend.read { try $0.sessions.sessions(after: nil, limit: 100).rows.count }
            try expectEqual(count, 60, "the sessions")
        },
        ConformanceCase("load: who gets no connection for long is told so or served later, and all goes on") { store in
            let backend = try await store.founded()
            let gates = (0..<40).map { _ in Gate() }
            let holders = gates.map { gate in
                Task { try await backend.read { _ in gate.wait(seconds: 0.25) } }
            }
            try await Task.sleep(for: .milliseconds(100))
            let late = await atOnce(
                (0..<5).map { _ in { @Sendable in try await backend.read { try $0.config.revision().number } } })
            for code in try codes(late) {
                try expect(code == .timeout || code == .busy, "one who waited was told \(code)")
            }
            for gate in gates { gate.open() }
            for holder in holders {
                if case .failure(let error) = await holder.result {
                    let code = (error as? StorageError)?.code
                    try expect(code == .timeout || code == .busy, "one who waited was told \(error)")
                }
            }
            try await backend.write { try increment($0) }
            try expectEqual(try await counter(backend), 1, "the counter afterwards")
        },
    ]
}
