/// How long a lane may take for what it does; see ``StorageBackend/lane(_:limits:)``.
public struct LaneLimits: Hashable, Sendable {
    /// How long one statement may take.
    public var statement: Duration
    /// How long connecting may take, all hosts together.
    public var connect: Duration
    /// How long a transaction waits for those before it on the lane; also, no further try of one begins after this
    /// time. So a call ends after at most `wait` twice and one try, which takes `connect` and a few times `statement`.
    public var wait: Duration

    /// Makes limits of their parts, which are explained at the properties.
    public init(
        statement: Duration = .seconds(2), connect: Duration = .seconds(2), wait: Duration = .seconds(2)
    ) {
        self.statement = statement
        self.connect = connect
        self.wait = wait
    }

    /// For looking at the revision: what takes longer is an outage.
    public static let watch = LaneLimits(statement: .seconds(1), connect: .seconds(1), wait: .seconds(1))
}
