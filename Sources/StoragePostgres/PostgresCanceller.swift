internal import CPostgres
internal import StorageSQL
internal import Synchronization

/// Stops the statement of a connection, from another thread.
///
/// libpq's own call has no bound on its time. So it is made on a thread of its own and given up after a while; as it might
/// then hit a later statement, the connection is not used any more.
///
/// `@unchecked Sendable`: libpq lets `PQcancel` be called from any thread, and nothing else touches `handle`.
final class PostgresCanceller: StatementCanceller, @unchecked Sendable {
    /// How long the server has to take the wish to stop.
    private static let limit = Duration.seconds(3)

    private let handle: OpaquePointer?
    private let isStoppable = Mutex(false)
    private let hasOverrun = Atomic(false)

    init(_ link: PostgresLink) { handle = PQgetCancel(link.handle) }

    deinit { PQfreeCancel(handle) }

    /// Whether a wish to stop may still be on its way.
    var isAstray: Bool { hasOverrun.load(ordering: .relaxed) }

    /// Runs a statement that may be stopped. Whoever is about to stop it is waited for, so that it hits no later one.
    func running<T>(_ body: () throws -> T) rethrows -> T {
        isStoppable.withLock { $0 = true }
        defer { isStoppable.withLock { $0 = false } }
        return try body()
    }

    func cancel() {
        isStoppable.withLock { isStoppable in
            guard isStoppable else { return }
            let isAsked = onThread("sql-cancel", within: Self.limit) { [self] in
                var words = [CChar](repeating: 0, count: 256)
                if let handle { _ = PQcancel(handle, &words, CInt(words.count)) }
            }
            if !isAsked { hasOverrun.store(true, ordering: .relaxed) }
        }
    }
}
