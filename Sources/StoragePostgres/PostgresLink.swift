internal import CPostgres
internal import ClusterCore
internal import Glibc
internal import StorageSQL
internal import Synchronization

/// A connection of libpq on which nothing waits longer than it may. Used by one thread at a time.
final class PostgresLink {
    /// How long the server has, beyond the statement's own limit, to say that the limit passed.
    private static let grace = Duration.seconds(5)

    let handle: OpaquePointer
    private let uptime: @Sendable () -> Duration
    private let limit: Duration
    private(set) var isBroken = false

    /// Connects; blocks.
    ///
    /// - Parameters:
    ///   - limit: How long a statement may take.
    ///   - connectTimeout: How long each host has to answer; libpq counts whole seconds, at least 2.
    /// - Throws: ``ClusterCore/StorageError`` with no password in it.
    init(
        to address: PostgresAddress, connectTimeout: Duration, limit: Duration,
        uptime: @escaping @Sendable () -> Duration
    ) throws {
        var parameters = address.parameters
        let seconds = max(2, connectTimeout.wholeMicroseconds / 1_000_000)
        if parameters["connect_timeout"] == nil { parameters["connect_timeout"] = "\(seconds)" }
        if parameters["application_name"] == nil { parameters["application_name"] = "asnode" }
        // A server that vanished without a word is noticed though nothing is sent.
        if parameters["tcp_user_timeout"] == nil { parameters["tcp_user_timeout"] = "15000" }
        if parameters["keepalives_idle"] == nil { parameters["keepalives_idle"] = "15" }
        parameters["client_encoding"] = "UTF8"
        let connected = parameters.withCStrings { PQconnectdbParams($0, $1, 0) }
        guard let connected else { throw PostgresFailure.connecting("out of memory", to: address) }
        guard PQstatus(connected) == CONNECTION_OK else {
            let words = PQerrorMessage(connected).map { String(cString: $0) } ?? ""
            PQfinish(connected)
            throw PostgresFailure.connecting(words, to: address)
        }
        cpostgres_silence(connected)
        PQsetnonblocking(connected, 1)
        self.handle = connected
        self.uptime = uptime
        self.limit = limit
    }

    deinit { PQfinish(handle) }

    /// Sends by one of libpq's `PQsend…` and waits for what comes back.
    ///
    /// - Returns: The result; of several the first that is an error, or the last.
    /// - Throws: ``ClusterCore/StorageError`` with `connectionLost`, or `timeout` when nothing came in time; the
    ///   connection is broken then.
    func exchange(_ send: () -> CInt) throws -> PostgresResult {
        guard !isBroken else { throw PostgresFailure.lost }
        let deadline = uptime() + limit + Self.grace
        guard send() == 1 else { throw broken(PostgresFailure.lost) }
        try flush(until: deadline)
        var kept: PostgresResult?
        while let result = try nextResult(until: deadline) {
            if kept?.isError != true { kept = result }
        }
        if PQstatus(handle) != CONNECTION_OK { isBroken = true }
        guard let kept else { throw broken(PostgresFailure.lost) }
        return kept
    }

    private func flush(until deadline: Duration) throws {
        while true {
            switch PQflush(handle) {
            case 0: return
            case 1: try wait(for: POLLIN | POLLOUT, until: deadline)
            default: throw broken(PostgresFailure.lost)
            }
            guard PQconsumeInput(handle) == 1 else { throw broken(PostgresFailure.lost) }
        }
    }

    private func nextResult(until deadline: Duration) throws -> PostgresResult? {
        while PQisBusy(handle) == 1 {
            try wait(for: POLLIN, until: deadline)
            // What the server said before it closed is still read: PQgetResult tells it.
            if PQconsumeInput(handle) != 1 {
                isBroken = true
                break
            }
        }
        return PQgetResult(handle).map { PostgresResult($0) }
    }

    private func wait(for events: CInt, until deadline: Duration) throws {
        let left = (deadline - uptime()).wholeMicroseconds / 1000
        guard left > 0 else {
            throw broken(
                StorageError(.timeout, "the server did not answer in time", advice: "look at its load and log"))
        }
        var descriptor = pollfd(fd: PQsocket(handle), events: Int16(events), revents: 0)
        guard poll(&descriptor, 1, CInt(clamping: left)) >= 0 || errno == EINTR else {
            throw broken(PostgresFailure.lost)
        }
    }

    private func broken(_ error: StorageError) -> StorageError {
        isBroken = true
        return error
    }
}

extension [String: String] {
    /// Calls `body` with keywords and values as libpq wants them: arrays that end with NULL.
    fileprivate func withCStrings<T>(
        _ body: (UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<UnsafePointer<CChar>?>) -> T
    ) -> T {
        let copies = map { (strdup($0.key), strdup($0.value)) }
        defer {
            for (key, value) in copies {
                free(key)
                free(value)
            }
        }
        let keys = copies.map { UnsafePointer<CChar>($0.0) } + [nil]
        let values = copies.map { UnsafePointer<CChar>($0.1) } + [nil]
        return body(keys, values)
    }
}

/// Stops the statement of a connection, from another thread.
///
/// `@unchecked Sendable`: libpq lets `PQcancel` be called from any thread.
final class PostgresCanceller: StatementCanceller, @unchecked Sendable {
    private let handle: OpaquePointer?
    private let isStoppable = Mutex(false)

    init(_ link: PostgresLink) { handle = PQgetCancel(link.handle) }

    deinit { PQfreeCancel(handle) }

    /// Runs a statement that may be stopped. Whoever is about to stop it is waited for, so that it hits no later one.
    func running<T>(_ body: () throws -> T) rethrows -> T {
        isStoppable.withLock { $0 = true }
        defer { isStoppable.withLock { $0 = false } }
        return try body()
    }

    func cancel() {
        isStoppable.withLock { isStoppable in
            guard isStoppable, let handle else { return }
            var words = [CChar](repeating: 0, count: 256)
            _ = PQcancel(handle, &words, CInt(words.count))
        }
    }
}
