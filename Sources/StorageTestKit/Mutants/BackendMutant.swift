public import ClusterCore

/// A backend made wrong on purpose, in one way, over one that is right: the cases have to notice.
public enum BackendMutant: String, Sendable, CaseIterable {
    /// Writes over what others wrote since a row was read.
    case ignoresVersions
    /// Lets everyone renew a node's lease, whatever epoch and generation they show.
    case forgetsFence
    /// Tells changes since a revision by its number, whichever change had made it.
    case changesByNumberAlone
    /// Takes a node for another process's as soon as the store's clock went back.
    case fencesByClock
    /// Goes on with what was cancelled.
    case swallowsCancellation
    /// Serves on after it was closed.
    case staysOpen

    /// The wrong backend over a right one.
    public func wrap(_ backend: any StorageBackend) -> any StorageBackend {
        MutantBackend(base: backend, mutant: self)
    }

    /// What is to be tested, with every handle made wrong.
    public func wrap(_ backend: BackendUnderTest) -> BackendUnderTest {
        BackendUnderTest(capabilities: backend.capabilities) { clock in
            var store = try await backend.store(clock)
            let (open, openFaulty) = (store.open, store.openFaulty)
            store.open = { wrap(try await open()) }
            if let openFaulty {
                store.openFaulty = {
                    let handle = try await openFaulty()
                    return FaultyHandle(backend: wrap(handle.backend), arm: handle.arm)
                }
            }
            return store
        }
    }
}

private struct MutantBackend: StorageBackend {
    let base: any StorageBackend
    let mutant: BackendMutant

    func read<T: Sendable>(_ body: @escaping @Sendable (any StorageReader) throws -> T) async throws -> T {
        try await uncancelled { [base, mutant] in
            try await base.read { try body(MutantReader(base: $0, mutant: mutant)) }
        }
    }

    func write<T: Sendable>(
        in phase: StoreState.Phase, _ body: @escaping @Sendable (any StorageWriter) throws -> T
    ) async throws -> T {
        try await uncancelled { [base, mutant] in
            try await base.write(in: phase) { try body(MutantWriter(base: $0, mutant: mutant)) }
        }
    }

    func lane(_ name: String, limits: LaneLimits) async throws -> any StorageBackend {
        mutant.wrap(try await base.lane(name, limits: limits))
    }

    func watch(every interval: Duration) -> StoreWatch { base.watch(every: interval) }

    func close() async {
        if mutant != .staysOpen { await base.close() }
    }

    private func uncancelled<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
        guard mutant == .swallowsCancellation else { return try await body() }
        return try await Task.detached { try await body() }.value
    }
}

private struct MutantReader: StorageReader {
    let base: any StorageReader
    let mutant: BackendMutant

    var config: any ConfigReader { mutant == .changesByNumberAlone ? NumberedConfig(base: base.config) : base.config }
    var accounts: any AccountReader { base.accounts }
    var certificates: any CertificateReader { base.certificates }
    var nodes: any NodeReader { base.nodes }
    var sessions: any SessionReader { base.sessions }
    func state() throws -> StoreState { try base.state() }
    func now() throws -> Timestamp { try base.now() }
}

private struct MutantWriter: StorageWriter {
    let base: any StorageWriter
    let mutant: BackendMutant

    var reader: any StorageReader { MutantReader(base: base.reader, mutant: mutant) }
    var config: any ConfigReader { reader.config }
    var accounts: any AccountStore {
        mutant == .ignoresVersions ? UnversionedAccounts(base: base.accounts) : base.accounts
    }
    var certificates: any CertificateReader { base.certificates }
    var nodes: any NodeStore {
        switch mutant {
        case .forgetsFence, .fencesByClock: MutantNodes(base: base.nodes, now: base.now, mutant: mutant)
        default: base.nodes
        }
    }
    var sessions: any SessionStore { base.sessions }
    func now() throws -> Timestamp { try base.now() }

    func change<T>(by actor: AuditActor, _ body: (any ConfigurationChange) throws -> T) throws -> T {
        try base.change(by: actor) { change in
            try body(mutant == .ignoresVersions ? UnversionedChange(base: change) : change)
        }
    }

    func setState(_ phase: StoreState.Phase, target: String?) throws { try base.setState(phase, target: target) }

    func pruneAuditLog(before time: Timestamp, limit: Int) throws -> Int {
        try base.pruneAuditLog(before: time, limit: limit)
    }
}
