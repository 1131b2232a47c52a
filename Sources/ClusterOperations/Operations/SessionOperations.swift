public import ClusterCore

/// What an operator does with live sessions.
public struct SessionOperations: Sendable {
    /// The most sessions that a list shows.
    public static let listLimit = 100_000
    private let session: OperatorSession

    /// Operations in a session.
    public init(_ session: OperatorSession) { self.session = session }

    /// The live sessions.
    public func list() async throws -> Listing<Session> {
        try await session.backend.read { reader in
            try Listing.gather(limit: Self.listLimit) {
                try reader.sessions.sessions(after: $0, limit: StorageLimits.pageRows)
            }
        }
    }

    /// Sessions that are over, the latest end first.
    ///
    /// - Parameter limit: The most entries.
    public func log(limit: Int) async throws -> Listing<ConnectionLogEntry> {
        try await session.backend.read { reader in
            try Listing.gather(limit: limit) {
                try reader.sessions.connectionLog(of: nil, after: $0, limit: StorageLimits.pageRows)
            }
        }
    }

    /// Ends a live session: its tokens are refused from now on, and its node, if it runs, ends it within a second.
    ///
    /// - Parameter text: The session's id, or as many of its first digits as tell it apart.
    /// - Returns: The sessions that end: more than one where the client is moving between nodes.
    /// - Throws: `OperationError` with `invalidArgument` or `notFound`.
    public func end(_ text: String) async throws -> [Session] {
        let prefix = text.lowercased()
        guard (4...32).contains(prefix.utf8.count), prefix.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
            throw OperationError(
                .invalidArgument, "a session's id has 32 hexadecimal digits, of which the first 4 or more are needed")
        }
        let matching = try await list().rows.filter { $0.id.description.hasPrefix(prefix) }
        guard let found = matching.first else {
            throw OperationError(.notFound, "no live session has the id \(prefix); see asnode session list")
        }
        guard matching.count == 1 else {
            throw OperationError(.invalidArgument, "\(matching.count) sessions begin with \(prefix); give more digits")
        }
        return try await session.change { change, now in
            let settings = try change.reader.config.settings().value
            let lifetime = settings[.tokenLifetime] + .seconds(TokenRules.toleranceSeconds)
            try change.refuse(
                TokenRefusal(
                    tokenSession: found.tokenSession, user: found.user, refusedAt: now, expiresAt: now + lifetime))
            return try change.reader.sessions.sessions(of: found.tokenSession).value
        }
    }
}
