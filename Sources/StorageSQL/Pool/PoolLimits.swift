/// How a pool of connections keeps them, apart from how many there may be.
public struct PoolLimits: Hashable, Sendable {
    /// How many connections are opened at the start and stay open however long they idle, 0 to 16.
    public var minimum: Int
    /// How long one idles beyond ``minimum`` until it is closed.
    public var idle: Duration
    /// How long one is used until it is replaced, so that servers behind a name that moved are left and secrets that
    /// were exchanged take effect; each lives up to a tenth shorter, so that they are not all replaced at once.
    public var lifetime: Duration
    /// One that idled for longer is asked whether it still answers before it is used.
    public var check: Duration
    /// How long one waits for a connection.
    public var wait: Duration

    /// The most connections that any pool has.
    public static let most = 16

    /// Makes limits of their parts, which are explained at the properties.
    public init(
        minimum: Int = 0, idle: Duration = .seconds(60), lifetime: Duration = .seconds(1800),
        check: Duration = .seconds(30), wait: Duration = .seconds(10)
    ) {
        self.minimum = minimum
        self.idle = idle
        self.lifetime = lifetime
        self.check = check
        self.wait = wait
    }
}
