/// What a look at a database tells: for the doctor, and for whoever asks before using it.
public struct DatabaseFacts: Sendable, Hashable {
    /// How the way to the database is protected.
    public enum Protection: Sendable, Hashable {
        /// There is no network between, and no TLS: a file, a socket, this machine's own address.
        case local
        /// Anyone on the way can read and change everything.
        case none
        /// TLS.
        ///
        /// - Parameters:
        ///   - version: The protocol's version as the server names it, for instance `TLSv1.3`.
        ///   - verified: How far the server's certificate is looked at.
        case encrypted(version: String, verified: Verification)
    }

    /// How far a server's certificate is looked at.
    public enum Verification: String, Sendable, Hashable {
        /// Not at all: whoever answers is believed.
        case nothing
        /// A known authority signed it.
        case authority
        /// And it is for the host that was named.
        case host
    }

    /// The database's URL without its password.
    public var address: String
    /// What it is: `SQLite`, `MariaDB`, `MySQL`, `PostgreSQL`.
    public var product: String
    /// Its version, as it tells it.
    public var version: String
    /// The first version that is supported.
    public var leastVersion: String
    /// Whether the version is supported.
    public var isSupported: Bool
    /// How many servers hold the same data and are all written to; 1 when there is only this one.
    public var servers: Int
    /// How the way to it is protected.
    public var protection: Protection
    /// The isolation of a transaction that writes, as the database names it.
    public var isolation: String
    /// The shortest of a few round trips of an empty statement.
    public var roundTrip: Duration
    /// How far the database's clock is ahead of the machine's; half a round trip exact.
    public var clockOffset: Duration
    /// Whether it takes writes.
    public var takesWrites: Bool
    /// The number of its schema; `nil` when nothing is in it.
    public var schema: Int?
    /// The number of the schema that this version of the program wants.
    public var wantedSchema: Int
    /// What a running node needs and the database user may not do, for instance `INSERT on users`.
    public var missingPrivileges: [String]

    /// Makes the value of its parts, which are explained at the properties.
    public init(
        address: String, product: String, version: String, leastVersion: String, isSupported: Bool, servers: Int,
        protection: Protection, isolation: String, roundTrip: Duration, clockOffset: Duration, takesWrites: Bool,
        schema: Int?, wantedSchema: Int, missingPrivileges: [String]
    ) {
        self.address = address
        self.product = product
        self.version = version
        self.leastVersion = leastVersion
        self.isSupported = isSupported
        self.servers = servers
        self.protection = protection
        self.isolation = isolation
        self.roundTrip = roundTrip
        self.clockOffset = clockOffset
        self.takesWrites = takesWrites
        self.schema = schema
        self.wantedSchema = wantedSchema
        self.missingPrivileges = missingPrivileges
    }
}

extension DatabaseFacts.Protection: CustomStringConvertible {
    /// The protection in a few words.
    public var description: String {
        switch self {
        case .local: "on this machine, without TLS"
        case .none: "NOT encrypted"
        case .encrypted(let version, .host): "\(version), the server's name is verified"
        case .encrypted(let version, .authority): "\(version), the server's authority is verified, its name is not"
        case .encrypted(let version, .nothing): "\(version), the server's certificate is NOT verified"
        }
    }
}
