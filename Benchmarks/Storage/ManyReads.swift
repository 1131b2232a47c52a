import ClusterCore
import StorageSQL

/// Many single-row reads in one transaction of a SQLite store, beside the same in C: what a read costs apart from the
/// way to the connection's thread.
struct ManyReads {
    static let count = 1000

    let database: Database
    let store: any StorageBackend
    let effort: Effort

    func compare(goal: Double) async throws -> Comparison {
        let rows = SingleRows(database: database, store: store, effort: effort)
        let script = BareScript(
            try await rows.record(.read), key: Cluster.keys[0].bytes, begin: database.beginRead, commit: "COMMIT",
            keysPerOperation: Self.count)
        let clients = try BareClients(script, count: 1) { database.openBare(nil, $0, $1) }
        let keys = Cluster.keys.map(\.bytes)
        let contenders = [
            Contender(name: "store") { try await run($0) },
            Contender(name: "bare transaction") { try clients.run($0, keys: keys) },
        ]
        return try await Comparison(
            "\(database.name): \(Self.count) rows in one read", connections: 1, goal: goal, effort: effort, contenders)
    }

    private func run(_ operations: Int) async throws -> Duration {
        try await ContinuousClock().measure {
            for operation in 0..<operations {
                try await store.read { reader in
                    for number in 0..<Self.count {
                        let key = Cluster.keys[(operation * Self.count + number) % Cluster.sessions]
                        _ = try reader.sessions.session(key)
                    }
                }
            }
        }
    }
}
