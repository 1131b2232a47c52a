/// Reads live sessions, the connection log, and the addresses that clients had.
public protocol SessionReader {
    /// The live session with an id, or `nil`.
    func session(_ id: SessionRecordID) throws -> Session?
    /// Live sessions in the order of their ids.
    ///
    /// - Parameters:
    ///   - id: Only sessions after this one; `nil` begins with the first.
    ///   - limit: How many rows to read, 1 to ``StorageLimits/pageRows``.
    func sessions(after id: SessionRecordID?, limit: Int) throws -> Page<Session, SessionRecordID>
    /// The live sessions of a user.
    func sessions(of user: UserID) throws -> Checked<[Session]>
    /// The live sessions of a token session: one, or more while a client moves from one node to another.
    func sessions(of tokenSession: TokenSessionID) throws -> Checked<[Session]>

    /// Sessions that are over, the latest end first.
    ///
    /// - Parameters:
    ///   - user: Only this user's; `nil` for everyone's.
    ///   - position: Only those that come after this place in that order; `nil` begins with the latest.
    ///   - limit: How many rows to read, 1 to ``StorageLimits/pageRows``.
    func connectionLog(
        of user: UserID?, after position: ConnectionLogPosition?, limit: Int
    ) throws -> Page<ConnectionLogEntry, ConnectionLogPosition>

    /// The addresses that clients had on a node, the latest use first.
    ///
    /// - Parameter limit: How many rows to read, 1 to ``StorageLimits/batchRows``.
    func addressMemory(of node: NodeID, limit: Int) throws -> Checked<[AddressMemory]>
}

/// Writes live sessions and their ends: no configuration, so no revision and no audit entry.
///
/// All calls take batches of at most ``StorageLimits/batchRows`` and can be repeated: rows are keyed by ids that were
/// made before, so that a batch whose outcome was not known is written again without harm.
public protocol SessionStore: SessionReader {
    /// Writes sessions that began. One that is live already is replaced; one that is over already stays over. A live
    /// session of the same node that holds one of the addresses is ended first, with the reason `superseded`: its end
    /// was lost. Remembers the addresses.
    ///
    /// - Throws: ``StorageError/Code/constraint(_:)`` `session.address` when a live session of another node has one of
    ///   the addresses.
    func begin(_ sessions: [Session]) throws
    /// Writes the counters of live sessions, as of now. Unknown ids are skipped; counters never go back.
    func update(_ updates: [SessionUpdate]) throws
    /// Moves sessions into the connection log. Unknown ids are skipped.
    ///
    /// - Returns: How many were live.
    @discardableResult
    func end(_ ends: [SessionEnd]) throws -> Int
    /// Ends the sessions that a node left behind in earlier epochs, at most `limit` of them, 1 to
    /// ``StorageLimits/batchRows``: they ended when their counters were last written, as far as anyone knows.
    ///
    /// - Returns: How many were ended.
    @discardableResult
    func endSessions(of node: NodeID, beforeEpoch epoch: Int64, reason: String, limit: Int) throws -> Int
    /// Removes entries of the connection log that ended before a time, at most `limit` of them, 1 to
    /// ``StorageLimits/batchRows``.
    ///
    /// - Returns: How many were removed.
    @discardableResult
    func pruneConnectionLog(endedBefore time: Timestamp, limit: Int) throws -> Int
}

/// A place in the connection log, which is ordered by the end of sessions, latest first.
public struct ConnectionLogPosition: Hashable, Sendable {
    /// When the session ended.
    public var endedAt: Timestamp
    /// The session, where several ended at once.
    public var session: SessionRecordID

    /// Makes a connection log position of its parts, which are explained at the properties.
    public init(endedAt: Timestamp, session: SessionRecordID) {
        self.endedAt = endedAt
        self.session = session
    }
}
