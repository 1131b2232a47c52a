import ClusterCore
import StorageSQL

/// One session is read by its key, or its counters are written: whole calls of the stores, beside a bare client that
/// does the same.
///
/// The bare client has two forms. `statement` sends the statement on the row alone, in the server's autocommit mode: the
/// measure of the goal. `transaction` sends all that the stores send, statement by statement, between `BEGIN` and
/// `COMMIT`: what a client would do that wants the same promises.
struct SingleRows {
    enum Operation: String {
        case read = "read one row"
        case write = "write one row"
    }

    let database: Database
    let store: any StorageBackend
    let effort: Effort

    func compare(_ operation: Operation, connections: Int, goal: Double?) async throws -> Comparison {
        let recorded = try await record(operation)
        let key = Cluster.keys[0].bytes
        let single = BareScript(recorded.filter { $0.text.contains(" sessions ") }, key: key)
        let begin = operation == .read ? database.beginRead : database.beginWrite
        let setup = operation == .read ? nil : database.setupWrite
        let whole = BareScript(recorded, key: key, begin: begin, commit: "COMMIT")
        let contenders = [
            Contender(name: "store") { try await run(operation, connections: connections, count: $0) },
            try bare("statement", single, setup, connections), try bare("transaction", whole, setup, connections),
        ]
        return try await Comparison(
            "\(database.name): \(operation.rawValue)", connections: connections, goal: goal, effort: effort, contenders)
    }

    private func bare(_ name: String, _ script: BareScript, _ setup: String?, _ connections: Int) throws -> Contender {
        let clients = try BareClients(script, count: connections) { database.openBare(setup, $0, $1) }
        let keys = Cluster.keys.map(\.bytes)
        return Contender(name: "bare \(name)") { try clients.run($0, keys: keys) }
    }

    /// What the stores send for the operation, at the second time: the first prepares.
    func record(_ operation: Operation) async throws -> [RecordedStatement] {
        let connection = RecordingConnection(try database.connect())
        let open = SharedConnection(connection)
        let options = SQLBackend.Options(authenticator: try Cluster.authenticator(), readers: 1)
        let backend = SQLBackend(options: options) { _ in open.connection }
        for _ in 0..<2 {
            _ = connection.take()
            try await Self.operate(operation, on: backend, Cluster.keys[0])
        }
        let statements = connection.take()
        await backend.close()
        return statements
    }

    func run(_ operation: Operation, connections: Int, count: Int) async throws -> Duration {
        let share = Cluster.sessions / connections
        return try await ContinuousClock().measure {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for connection in 0..<connections {
                    group.addTask { [store] in
                        for number in 0..<count {
                            let key = Cluster.keys[connection * share + number % share]
                            try await Self.operate(operation, on: store, key)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    static func operate(
        _ operation: Operation, on store: any StorageBackend, _ key: SessionRecordID
    ) async throws {
        switch operation {
        case .read:
            _ = try await store.read { try $0.sessions.session(key) }
        case .write:
            let update = Cluster.update(key)
            try await store.write { try $0.sessions.update([update]) }
        }
    }
}

/// Hands one connection to the threads of a backend, which use it one after the other.
///
/// `@unchecked Sendable`: reading and writing are never asked for at once.
private final class SharedConnection: @unchecked Sendable {
    let connection: RecordingConnection

    init(_ connection: RecordingConnection) { self.connection = connection }
}
