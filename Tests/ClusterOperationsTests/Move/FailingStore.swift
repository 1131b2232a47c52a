import ClusterCore

/// A store that asks before each of its writes whether it may.
struct FailingStore: PortableStorage {
    private let store: any StorageBackend
    private let permit: @Sendable () throws -> Void

    init(_ store: any StorageBackend, permit: @escaping @Sendable () throws -> Void) {
        self.store = store
        self.permit = permit
    }

    var content: [ContentTable] { (store as? any PortableStorage)?.content ?? [] }

    func read<T: Sendable>(_ body: @escaping @Sendable (any StorageReader) throws -> T) async throws -> T {
        try await store.read(body)
    }

    func write<T: Sendable>(
        in phase: StoreState.Phase, _ body: @escaping @Sendable (any StorageWriter) throws -> T
    ) async throws -> T {
        try permit()
        return try await store.write(in: phase, body)
    }

    func lane(_ name: String, limits: LaneLimits) async throws -> any StorageBackend { self }

    func watch(every interval: Duration) -> StoreWatch { store.watch(every: interval) }

    func close() async { await store.close() }
}
