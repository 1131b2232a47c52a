internal import CPostgres
internal import ClusterCore
internal import Glibc
internal import StorageSQL

/// A connection of libpq in pipeline mode, on which nothing waits longer than it may. Used by one thread at a time.
///
/// Commands are sent in flights: several of them, one after the other, without waiting in between. The server runs them in
/// order and leaves out those behind one that failed.
final class PostgresLink {
    /// Why a connection did not come about, in libpq's words.
    struct ConnectFailure: Error {
        var words: String
        var isTimeout = false
    }

    /// How a flight ended.
    struct Landing {
        /// The result of the first command that failed, or of the last one.
        var result: PostgresResult
        /// The number, from 0, of the command that failed.
        var failed: Int?
    }

    /// How long the server has at most, beyond the statement's own limit, to say that the limit passed.
    private static let grace = Duration.seconds(5)

    let handle: OpaquePointer
    /// The server at the other end.
    let host: PostgresAddress.Host
    private let uptime: @Sendable () -> Duration
    private(set) var isBroken = false
    /// How many commands the flight has so far.
    private(set) var queued = 0
    /// How many flights have been sent whose answers were not read.
    private var owed = 0

    /// Connects; blocks.
    ///
    /// - Parameters:
    ///   - parameters: libpq's parameters, with one host.
    ///   - deadline: When to give up.
    /// - Throws: ``ConnectFailure``.
    init(
        _ parameters: [String: String], host: PostgresAddress.Host, until deadline: Duration,
        uptime: @escaping @Sendable () -> Duration
    ) throws {
        guard let handle = parameters.withCStrings({ PQconnectStartParams($0, $1, 0) }) else {
            throw ConnectFailure(words: "out of memory")
        }
        cpostgres_silence(handle)
        // SQLSTATEs are not told for what goes wrong here, except in the words of this verbosity.
        PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
        do {
            try Self.shakeHands(handle, until: deadline, uptime)
        } catch {
            PQfinish(handle)
            throw error
        }
        PQsetErrorVerbosity(handle, PQERRORS_DEFAULT)
        PQsetnonblocking(handle, 1)
        PQenterPipelineMode(handle)
        self.handle = handle
        self.host = host
        self.uptime = uptime
    }

    deinit { PQfinish(handle) }

    private static func shakeHands(
        _ handle: OpaquePointer, until deadline: Duration, _ uptime: () -> Duration
    ) throws {
        var step = PQstatus(handle) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING
        while step != PGRES_POLLING_OK {
            let events = step == PGRES_POLLING_READING ? POLLIN : POLLOUT
            guard step != PGRES_POLLING_FAILED, PQsocket(handle) >= 0 else {
                throw ConnectFailure(words: PQerrorMessage(handle).map { String(cString: $0) } ?? "")
            }
            let left = (deadline - uptime()).wholeMicroseconds
            guard left > 0 else { throw ConnectFailure(words: "no answer in time", isTimeout: true) }
            var descriptor = pollfd(fd: PQsocket(handle), events: Int16(events), revents: 0)
            if poll(&descriptor, 1, CInt(clamping: left / 1000 + 1)) > 0 { step = PQconnectPoll(handle) }
        }
    }

    /// Puts a command into the flight, by one of libpq's `PQsend…`.
    ///
    /// - Throws: ``ClusterCore/StorageError`` with `connectionLost`.
    func queue(_ send: () -> CInt) throws {
        guard !isBroken else { throw PostgresFailure.lost }
        guard send() == 1 else { throw broken(PostgresFailure.lost) }
        queued += 1
    }

    /// Sends the flight and reads its answers.
    ///
    /// - Parameters:
    ///   - limit: How long the server may take for all of it.
    ///   - ends: Whether the transaction ends that a flight is unless it says `BEGIN`; otherwise the next one is in it too.
    ///   - streams: Whether each row of the last command comes by itself, or all with the result.
    ///   - row: Gets rows that come by themselves. What it throws is thrown when the rest has been read.
    /// - Throws: ``ClusterCore/StorageError`` with `connectionLost`, or `timeout` when nothing came in time; the
    ///   connection is broken then.
    func land(
        limit: Duration, ends: Bool, streams: Bool, row: (PostgresResult) throws -> Void
    ) throws -> Landing {
        let deadline = uptime() + limit + Swift.min(limit, Self.grace)
        let commands = queued
        queued = 0
        guard !isBroken, (ends ? PQpipelineSync(handle) : PQsendFlushRequest(handle)) == 1 else {
            throw broken(PostgresFailure.lost)
        }
        try flush(until: deadline)
        try settle(until: deadline)
        var landing: Landing?
        var thrown: (any Error)?
        for command in 0..<commands {
            if streams, command == commands - 1 { _ = PQsetSingleRowMode(handle) }
            while let result = try nextResult(until: deadline) {
                if landing?.failed != nil { continue }
                guard result.isRow else {
                    landing = Landing(result: result, failed: result.isError ? command : nil)
                    continue
                }
                guard thrown == nil else { continue }
                do { try row(result) } catch { thrown = error }
            }
        }
        if ends { try readEnd(until: deadline) }
        if PQstatus(handle) != CONNECTION_OK { isBroken = true }
        if let thrown { throw thrown }
        guard let landing else { throw broken(PostgresFailure.lost) }
        return landing
    }

    /// Sends the flight; its answers are read before those of the next one.
    func release() throws {
        queued = 0
        guard !isBroken, PQpipelineSync(handle) == 1, PQflush(handle) >= 0 else { throw broken(PostgresFailure.lost) }
        owed += 1
    }

    /// Waits for what the server says of its own accord.
    ///
    /// - Returns: Whether it notified of something since the last call.
    /// - Throws: ``ClusterCore/StorageError`` with `connectionLost`.
    func waitForNotification(upTo limit: Duration) throws -> Bool {
        try settle(until: uptime() + Self.grace)
        if takeNotifications() { return true }
        var descriptor = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
        guard poll(&descriptor, 1, CInt(clamping: limit.wholeMicroseconds / 1000)) > 0 else { return false }
        guard PQconsumeInput(handle) == 1 else { throw broken(PostgresFailure.lost) }
        let isNotified = takeNotifications()
        guard PQstatus(handle) == CONNECTION_OK else { throw broken(PostgresFailure.lost) }
        return isNotified
    }

    /// Throws away what was notified, whose words may be anyone's.
    private func takeNotifications() -> Bool {
        var isNotified = false
        while let notification = PQnotifies(handle) {
            PQfreemem(notification)
            isNotified = true
        }
        return isNotified
    }

    /// Reads the answers to the flights that were only sent. Should one have failed, the connection is in a state that
    /// nobody expects.
    private func settle(until deadline: Duration) throws {
        while owed > 0 {
            guard let result = try nextResult(until: deadline) else {
                guard PQstatus(handle) == CONNECTION_OK else { throw broken(PostgresFailure.lost) }
                continue
            }
            if result.isEnd { owed -= 1 } else if result.isError { throw broken(PostgresFailure.lost) }
        }
    }

    /// Reads the end of a flight. A connection that was closed has none.
    private func readEnd(until deadline: Duration) throws {
        let end = isBroken ? nil : try nextResult(until: deadline)
        if end?.isEnd != true { isBroken = true }
    }

    private func flush(until deadline: Duration) throws {
        while true {
            switch PQflush(handle) {
            case 0: return
            case 1: try wait(for: POLLIN | POLLOUT, until: deadline)
            // What the server said before it closed is still read.
            default: return
            }
            if PQconsumeInput(handle) != 1 { return }
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
