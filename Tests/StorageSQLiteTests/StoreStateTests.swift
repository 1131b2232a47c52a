import ClusterCore
import StorageSQL
import StorageSQLite
import Testing

@Suite("Stores that are filled or moved")
struct StoreStateTests {
    private static let target = "postgres://db.example/vpn"

    private func setState(
        _ backend: any StorageBackend, from old: StoreState.Phase = .ready, _ phase: StoreState.Phase
    ) async throws {
        try await backend.write(in: old) { try $0.setState(phase, target: phase == .ready ? nil : Self.target) }
    }

    private func failure(_ body: () async throws -> Void) async -> StorageError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? StorageError
        }
    }

    @Test("a new store is ready")
    func fresh() async throws {
        let backend = try await TestStore().openWithCluster()
        #expect(try await backend.read { try $0.state() } == StoreState(phase: .ready, since: .epoch))
        await backend.close()
    }

    @Test(
        "a store that is left or filled takes writes only of those who do that",
        arguments: [StoreState.Phase.moving, .importing])
    func refusal(phase: StoreState.Phase) async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        try await setState(backend, phase)
        let state = try await backend.read { try $0.state() }
        #expect(state == StoreState(phase: phase, target: Self.target, since: store.environment.now))
        let refused = await failure { try await backend.write { _ = try $0.now() } }
        #expect(refused?.code == .moving)
        #expect(refused?.message.contains(Self.target) == true)
        let user = sampleUser(5, name: "alice")
        try await backend.write(in: phase) { writer in try writer.change(by: .test) { _ = try $0.add(user) } }
        #expect(try await backend.read { try $0.accounts.userCount() } == 1)
        try await setState(backend, from: phase, .ready)
        try await backend.write { _ = try $0.now() }
        let late = await failure { try await backend.write(in: phase) { _ = try $0.now() } }
        #expect(late?.code == .outdated)
        await backend.close()
    }

    @Test("the same where a marker row tells what became of a commit, also when the first answer was lost")
    func markers() async throws {
        let store = try TestStore()
        await (try store.openWithCluster()).close()
        let options = store.options()
        let database = FaultyDatabase(faults: [.answerLost, .none, .requestLost])
        let backend = SQLBackend(
            options: .init(authenticator: options.authenticator, environment: store.environment.environment)
        ) { try database.connection(store.path, $0, options) }
        try await setState(backend, .moving)
        #expect(await failure { try await backend.write { _ = try $0.now() } }?.code == .moving)
        try await setState(backend, from: .moving, .ready)
        let runs = Shared(0)
        let code = await failure {
            try await backend.write { writer in
                runs.change { $0 += 1 }
                _ = try writer.now()
            }
        }
        #expect(code == nil && runs.value == 2)
        await backend.close()
    }

    @Test("a write whose outcome is unknown and whose store is then moved is told the refusal, and cannot land later")
    func movedMeanwhile() async throws {
        let store = try TestStore()
        let mover = try await store.openWithCluster()
        let options = store.options()
        let database = FaultyDatabase(faults: [.tooLate])
        let pause = Shared(false)
        var environment = store.environment.environment
        environment.sleep = { time in
            // Between the first try and the second; longer ones are the pool's.
            guard time < .seconds(1), !pause.value else { return try await Task.sleep(for: time) }
            pause.change { $0 = true }
            try await mover.write { try $0.setState(.moving, target: Self.target) }
        }
        let backend = SQLBackend(
            options: .init(authenticator: options.authenticator, environment: environment)
        ) { try database.connection(store.path, $0, options) }
        let user = sampleUser(5, name: "alice")
        let refused = await failure {
            try await backend.write { writer in try writer.change(by: .test) { _ = try $0.add(user) } }
        }
        #expect(refused?.code == .moving)
        #expect(database.refusedLate == 1)
        #expect(try await mover.read { try $0.accounts.userCount() } == 0)
        await backend.close()
        await mover.close()
    }

    @Test("where a store moves to is believed only if this cluster wrote it")
    func tampered() async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        try await setState(backend, .moving)
        try store.tamper("UPDATE store_state SET target = 'postgres://evil.example/vpn'")
        #expect(await failureCode { try await backend.read { try $0.state() } } == .tampered)
        #expect(await failureCode { try await backend.write { _ = try $0.now() } } == .tampered)
        await backend.close()
    }

    @Test("who changes the phase writes the revision's row and every node's, and changes neither revision nor leases")
    func touches() async throws {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        let now = store.environment.now
        let node = Node(
            id: sample(7), name: "one", hostname: "h", softwareVersion: "1", createdAt: now, startedAt: now,
            lastSeenAt: now)
        try await backend.write { try $0.nodes.add(node) }
        let before = try await backend.read { (try $0.config.revision(), try $0.nodes.nodes()) }
        try await setState(backend, .moving)
        let after = try await backend.read { (try $0.config.revision(), try $0.nodes.nodes()) }
        #expect(before == after)
        try store.tamper(
            "CREATE TEMP TABLE touched AS SELECT 1 / (touched IS NOT NULL) AS x FROM revision",
            "INSERT INTO temp.touched SELECT 1 / (touched IS NOT NULL) FROM nodes",
            "CREATE TEMP TABLE checked (x INTEGER CHECK (x = 2))",
            "INSERT INTO checked SELECT count(x) FROM touched")
        await backend.close()
    }

    @Test("a place that is too long is refused")
    func bounds() async throws {
        let backend = try await TestStore().openWithCluster()
        let long = String(repeating: "x", count: 1025)
        let code = await failureCode { try await backend.write { try $0.setState(.moving, target: long) } }
        #expect(code == .invalid)
        #expect(await failureCode { try await backend.write { try $0.setState(.ready, target: "x") } } == .invalid)
        await backend.close()
    }
}
