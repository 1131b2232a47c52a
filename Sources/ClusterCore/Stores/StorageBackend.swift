/// A place where a cluster keeps what its nodes share: a SQLite file, a database server, or something of an embedder's
/// own.
///
/// Everything is read and written in transactions, whose bodies are **synchronous** closures: the stores are on the
/// transaction that a body gets, so that one change can span several of them, and nothing else can slip into it.
///
/// What every backend promises:
///
/// - **Atomicity.** All that a `write` body wrote is visible to others at once, or nothing of it is, whatever happens
///   to the process, the connection or the server.
/// - **Isolation.** A body reads one state of the store, and what it wrote itself. Two `write` transactions of which
///   one reads what the other writes act as if one had run after the other; a backend may run a body again for that.
/// - **Durability.** When `write` has returned, the change survives a crash of process and machine.
/// - **Known outcomes.** When `write` throws, nothing was written, with the one exception of
///   ``StorageError/Code/commitUnknown``. When it returns, everything was, and exactly once.
/// - **Order.** Revisions grow by one with each change of configuration and are seen in that order.
///
/// Both calls may be made from any task; neither ever blocks a thread of the cooperative pool. What a body gets must
/// not leave it: using it later throws ``StorageError/Code/misuse``.
public protocol StorageBackend: Sendable {
    /// Runs `body` on one consistent state of the store.
    ///
    /// The body may be run again when a connection is lost, so it must have no effect outside of the store.
    ///
    /// - Parameter body: Reads through what it is given, and nothing of which may leave it.
    /// - Returns: What the body returned.
    /// - Throws: What the body threw; ``StorageError`` when the store cannot be read (``StorageError/Code/timeout``,
    ///   ``StorageError/Code/connectionLost``, ``StorageError/Code/corrupt``); `CancellationError` when the task was
    ///   cancelled before the body began.
    func read<T: Sendable>(_ body: @escaping @Sendable (any StorageReader) throws -> T) async throws -> T

    /// Runs `body` in a transaction and commits what it wrote; when it throws, nothing is written.
    ///
    /// The body is run again after a conflict with another transaction, so it must decide anew from what it reads
    /// each time, must have no effect outside of the store, and must get the identifiers of new rows from outside.
    /// Returns only when the outcome is known.
    ///
    /// - Parameters:
    ///   - phase: The phase that the store must be in. Those who fill or move a store name another one than
    ///     ``StoreState/Phase/ready``, and nobody else does.
    ///   - body: Reads and writes through what it is given, and nothing of which may leave it.
    /// - Returns: What the committed run of the body returned.
    /// - Throws: What the body threw; ``StorageError`` when the store cannot be written (``StorageError/Code/conflict``
    ///   or ``StorageError/Code/busy`` when all tries are used up, ``StorageError/Code/readOnly``,
    ///   ``StorageError/Code/outOfSpace``, ``StorageError/Code/timeout``, ``StorageError/Code/moving`` or
    ///   ``StorageError/Code/outdated`` when it is in another phase, ``StorageError/Code/commitUnknown`` when the
    ///   store could not be reached again to learn the outcome); `CancellationError` when the task was cancelled before
    ///   the body began.
    @discardableResult
    func write<T: Sendable>(
        in phase: StoreState.Phase, _ body: @escaping @Sendable (any StorageWriter) throws -> T
    ) async throws -> T

    /// A backend on the same store with one connection of its own, so that neither a crowd at this one nor a slow
    /// statement delays it; for what must not be late, such as leases and looking for changes.
    ///
    /// Its transactions run one after the other. ``close()`` of this backend closes it too, and closing it leaves this
    /// backend open: a backend that has no connections to run out of gives another handle, and never itself.
    ///
    /// - Parameters:
    ///   - name: For the names of threads and metrics.
    ///   - limits: How long it may take for what it does.
    /// - Throws: ``StorageError/Code/closed`` after ``close()``.
    func lane(_ name: String, limits: LaneLimits) async throws -> any StorageBackend

    /// Looks at the revision again and again, on a lane of its own.
    ///
    /// - Parameter interval: How far apart the looks begin. A database that can tell of changes by itself is looked at
    ///   once more whenever it does.
    func watch(every interval: Duration) -> StoreWatch

    /// Waits for the transactions that are under way, on lanes too, then gives everything back. Later calls throw
    /// ``StorageError/Code/closed``; closing twice is harmless.
    func close() async
}

extension StorageBackend {
    /// Runs `body` in a transaction on a store that is ready, and commits what it wrote; see ``write(in:_:)``.
    @discardableResult
    public func write<T: Sendable>(
        _ body: @escaping @Sendable (any StorageWriter) throws -> T
    ) async throws -> T {
        try await write(in: .ready, body)
    }

    /// Looks at the revision every 250 ms; see ``watch(every:)``.
    public func watch() -> StoreWatch { watch(every: .milliseconds(250)) }
}

/// One consistent state of the store, inside of a transaction.
///
/// Reading a row that the schema or the domain does not allow throws ``StorageError/Code/malformedRow``; reading a row
/// whose authentication code is wrong throws ``StorageError/Code/tampered``. Calls that give many rows throw neither:
/// they give what is sound and list the rest (``RejectedRow``).
public protocol StorageReader {
    /// The cluster, its settings and secrets, revisions, and the audit log.
    var config: any ConfigReader { get }
    /// Users, failed logins, refused tokens.
    var accounts: any AccountReader { get }
    /// Certificates and their revocations.
    var certificates: any CertificateReader { get }
    /// Nodes.
    var nodes: any NodeReader { get }
    /// Live sessions and the connection log.
    var sessions: any SessionReader { get }
    /// Whether the store takes writes.
    ///
    /// - Throws: ``StorageError/Code/tampered`` when it says that it does not, and this cluster did not write that.
    func state() throws -> StoreState
    /// The time on the store's clock. It stamps and orders rows; it never ends a lease.
    func now() throws -> Timestamp
}

/// A transaction that can write.
///
/// What nodes write in passing (sessions, counters, their own rows) is written through ``accounts``, ``nodes`` and
/// ``sessions``. Configuration is written through ``change(by:_:)`` alone, which is what makes sure that no change
/// goes without its revision and its audit rows.
public protocol StorageWriter {
    /// The same transaction for code that only reads.
    var reader: any StorageReader { get }
    /// The cluster, its settings and secrets, revisions, and the audit log.
    var config: any ConfigReader { get }
    /// Users, failed logins, refused tokens.
    var accounts: any AccountStore { get }
    /// Certificates and their revocations.
    var certificates: any CertificateReader { get }
    /// Nodes.
    var nodes: any NodeStore { get }
    /// Live sessions and the connection log.
    var sessions: any SessionStore { get }
    /// The time on the store's clock, the same for the whole transaction.
    func now() throws -> Timestamp

    /// Changes configuration: what `body` writes becomes one revision with one audit entry for each thing written.
    ///
    /// A body that writes nothing makes no revision. When it throws, the transaction cannot be committed any more:
    /// let the error leave the `write` body.
    ///
    /// - Parameters:
    ///   - actor: Who makes the change, for the audit log.
    ///   - body: Makes the change through what it is given, which must not leave it.
    /// - Returns: What the body returned.
    /// - Throws: What the body threw; ``StorageError/Code/misuse`` when called from within another change.
    @discardableResult
    func change<T>(by actor: AuditActor, _ body: (any ConfigurationChange) throws -> T) throws -> T

    /// Puts the store into another phase. From then on, writers that expect the present one are refused, also those
    /// whose transactions are under way: this one writes the rows that they write.
    ///
    /// - Parameters:
    ///   - phase: The phase.
    ///   - target: Where the cluster moves to or comes from, without a password; not for
    ///     ``StoreState/Phase/ready``.
    /// - Throws: ``StorageError/Code/invalid`` when the target has more than 1,024 bytes.
    func setState(_ phase: StoreState.Phase, target: String?) throws

    /// Removes entries of the audit log that are older than a time, at most `limit` of them, 1 to
    /// ``StorageLimits/batchRows``; those of the last 1,000 revisions stay, as ``ConfigReader/changes(since:)`` reads
    /// them.
    ///
    /// - Returns: How many were removed.
    @discardableResult
    func pruneAuditLog(before time: Timestamp, limit: Int) throws -> Int
}
