import ClusterCore

extension Worker {
    /// Writes an operation, as it should be done or with the plan's mistake.
    func write(_ operation: Operation, as name: String, to store: any StorageBackend) async throws -> Result {
        var generator = SystemRandomNumberGenerator()
        switch plan.mistake {
        case .dropsWrites where generator.happens(oneIn: 20):
            return Result()
        case .writesTwice where generator.happens(oneIn: 5):
            let result = try await writeOnce(operation, as: name, to: store)
            _ = try? await writeOnce(operation, as: name, to: store)
            return result
        case .refusesWrongly where generator.happens(oneIn: 20):
            _ = try await writeOnce(operation, as: name, to: store)
            throw Refusal(reason: "on purpose")
        case .losesUpdates:
            guard case .count(let counter) = operation else {
                return try await writeOnce(operation, as: name, to: store)
            }
            let count = try await store.read { try $0.accounts.loginFailures(of: counter)?.count ?? 0 }
            return try await store.write { writer in
                guard var row = try writer.accounts.loginFailures(of: counter) else { return Result() }
                row.count = count + 1
                return Result(versions: [counter: try writer.accounts.record(row).version])
            }
        case .tearsChanges:
            guard case .changeTogether(let id, let user, let host, let counter) = operation else {
                return try await writeOnce(operation, as: name, to: store)
            }
            _ = try await writeOnce(.count(counter: counter), as: name, to: store)
            _ = try await writeOnce(.nameHost(host), as: name, to: store)
            return try await writeOnce(.addUser(id: id, name: user), as: name, to: store)
        default:
            return try await writeOnce(operation, as: name, to: store)
        }
    }

    private func writeOnce(
        _ operation: Operation, as name: String, to store: any StorageBackend
    ) async throws -> Result {
        try await store.write { try operation.apply(as: name, to: $0) }
    }
}
