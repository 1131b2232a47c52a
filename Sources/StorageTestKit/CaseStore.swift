internal import ClusterCore
internal import Synchronization

/// The store of one case: opens handles and closes them all at the end.
final class CaseStore: Sendable {
    let clock: ConformanceClock
    private let store: StoreUnderTest
    private let handles = Mutex<[any StorageBackend]>([])

    init(_ store: StoreUnderTest, _ clock: ConformanceClock) {
        self.store = store
        self.clock = clock
    }

    /// A further handle, as another process has it.
    func open() async throws -> any StorageBackend {
        let handle = try await store.open()
        handles.withLock { $0.append(handle) }
        return handle
    }

    /// A handle, with a cluster founded through it.
    func founded() async throws -> any StorageBackend {
        let handle = try await open()
        try await handle.write { writer in
            try writer.change(by: .kit) { try $0.createCluster(Sample.cluster) }
        }
        return handle
    }

    /// A cluster, and so many handles to its store.
    func founded(handles count: Int) async throws -> [any StorageBackend] {
        var all = [try await founded()]
        while all.count < count { all.append(try await open()) }
        return all
    }

    /// A handle whose connection can be made to fail.
    func openFaulty() async throws -> FaultyHandle {
        guard let open = store.openFaulty else { throw ConformanceFailure("there is no handle with faults") }
        let faulty = try await open()
        handles.withLock { $0.append(faulty.backend) }
        return faulty
    }

    /// Closes all handles and removes the store.
    func close() async {
        await closeHandles()
        await store.remove()
    }

    func closeHandles() async {
        let open = handles.withLock { handles in
            defer { handles = [] }
            return handles
        }
        for handle in open { await handle.close() }
    }
}

extension AuditActor {
    static let kit = AuditActor(kind: .operator, name: "conformance")
}
