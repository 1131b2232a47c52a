public import ClusterCore

/// A backend whose conformance is tested, and what the cases may do with it.
///
/// Three lines are enough for a backend in memory:
///
///     let backend = BackendUnderTest { _ in
///         StoreUnderTest { MemoryBackend() }
///     }
public struct BackendUnderTest: Sendable {
    /// What the backend and its surroundings can do; cases that need more are left out, and said to be.
    public var capabilities: StorageCapabilities
    private let makeStore: @Sendable (_ clock: ConformanceClock) async throws -> StoreUnderTest

    /// - Parameters:
    ///   - capabilities: What the backend and its surroundings can do.
    ///   - makeStore: Makes an empty store that nobody else uses, without a cluster in it. It is given the clock that
    ///     the store is to read when it can (``StorageCapabilities/settableClock``).
    public init(
        capabilities: StorageCapabilities = [],
        makeStore: @escaping @Sendable (_ clock: ConformanceClock) async throws -> StoreUnderTest
    ) {
        self.capabilities = capabilities
        self.makeStore = makeStore
    }

    func store(_ clock: ConformanceClock) async throws -> StoreUnderTest { try await makeStore(clock) }
}

/// One store, for one case.
public struct StoreUnderTest: Sendable {
    /// Opens the store as a process of its own would: nothing is shared with other handles but the store. Of a store
    /// in memory it may be the same value each time. The case closes what it opened.
    public var open: @Sendable () async throws -> any StorageBackend
    /// Opens a handle whose connection fails as it is told; for ``StorageCapabilities/faults``.
    public var openFaulty: (@Sendable () async throws -> FaultyHandle)?
    /// Removes the store, after all handles were closed.
    public var remove: @Sendable () async -> Void

    /// Makes the value of its parts, which are explained at the properties.
    public init(
        openFaulty: (@Sendable () async throws -> FaultyHandle)? = nil,
        remove: @escaping @Sendable () async -> Void = {},
        open: @escaping @Sendable () async throws -> any StorageBackend
    ) {
        self.open = open
        self.openFaulty = openFaulty
        self.remove = remove
    }
}

/// A handle whose connection to the store fails when it is told to.
public struct FaultyHandle: Sendable {
    /// The handle.
    public var backend: any StorageBackend
    /// Arms one fault, which strikes what is sent to the store next, and nothing after it. A case calls it at the end
    /// of a `write` body, so that what is sent next is the commit.
    public var arm: @Sendable (ConnectionFault) -> Void

    /// Makes the value of its parts, which are explained at the properties.
    public init(backend: any StorageBackend, arm: @escaping @Sendable (ConnectionFault) -> Void) {
        self.backend = backend
        self.arm = arm
    }
}

/// How a connection fails.
public enum ConnectionFault: String, Sendable, CaseIterable {
    /// What is sent next does not arrive, and the connection is lost.
    case requestLost
    /// What is sent next arrives and is carried out; its answer does not come back, and the connection is lost.
    case answerLost
}

/// What a backend and the surroundings that it is tested in can do.
public struct StorageCapabilities: OptionSet, Sendable, Hashable {
    /// One bit for each.
    public let rawValue: Int

    /// - Parameter rawValue: One bit for each capability.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// What was committed is there after all handles were closed and the store opened again.
    public static let durable = StorageCapabilities(rawValue: 1 << 0)
    /// The store's clock is the ``ConformanceClock`` that the test gave it.
    public static let settableClock = StorageCapabilities(rawValue: 1 << 1)
    /// ``StoreUnderTest/openFaulty`` is there.
    public static let faults = StorageCapabilities(rawValue: 1 << 2)
    /// Any two transactions of which one reads what the other writes act as if one had run after the other. Without it
    /// (multi-primary databases certify written rows only) that is so where both write one row.
    public static let serializable = StorageCapabilities(rawValue: 1 << 3)

    private static let names: [(StorageCapabilities, String)] = [
        (.durable, "durable"), (.settableClock, "settable clock"), (.faults, "faults"), (.serializable, "serializable"),
    ]
}

extension StorageCapabilities: CustomStringConvertible {
    /// Their names, separated by commas.
    public var description: String {
        Self.names.filter { contains($0.0) }.map(\.1).joined(separator: ", ")
    }
}
