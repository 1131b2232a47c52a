internal import ClusterCore
internal import StorageSQL

/// Gets connections for one backend: knows the hosts, which of them are dead, and reads password and addresses anew each
/// time. Used by any thread; blocks within bounded times.
final class PostgresConnector: Sendable {
    private static let passwordLimit = Duration.seconds(10)

    let address: PostgresAddress
    let options: PostgresOptions
    private let hosts: ServerHosts<PostgresAddress.Host>
    private let resolver = NameResolver()

    init(_ address: PostgresAddress, _ options: PostgresOptions) {
        self.address = address
        self.options = options
        self.hosts = ServerHosts(address.hosts, isRandom: address.isRandom, environment: options.environment)
    }

    /// Connects to the first host that answers.
    ///
    /// - Parameter total: How long it may take, all hosts together; without it each host has its own time.
    /// - Throws: ``ClusterCore/StorageError`` with no password in it.
    func connect(within total: Duration? = nil) throws -> PostgresLink {
        let end = total.map { options.environment.uptime() + $0 }
        let password = try address.password.current(limit: Swift.min(total ?? Self.passwordLimit, Self.passwordLimit))
        return try hosts.connect { host in
            let own = options.environment.uptime() + (address.connectTimeout ?? options.connectTimeout)
            return try connect(to: host, password, until: end.map { Swift.min($0, own) } ?? own)
        }
    }

    /// Has the host of a connection tried last for a while.
    func avoid(_ host: PostgresAddress.Host) { hosts.avoid(host) }

    /// Tries the addresses of a host, each of which gets an even part of the time.
    private func connect(
        to host: PostgresAddress.Host, _ password: String?, until deadline: Duration
    ) throws -> PostgresLink {
        let addresses = try addresses(of: host, until: deadline)
        var parameters = address.parameters
        parameters["host"] = host.name
        parameters["port"] = host.port.map { "\($0)" }
        parameters["password"] = password
        var first: StorageError?
        for (index, numeric) in addresses.enumerated() {
            let now = options.environment.uptime()
            parameters["hostaddr"] = numeric
            do {
                return try PostgresLink(
                    parameters, host: host, until: now + (deadline - now) / (addresses.count - index),
                    uptime: options.environment.uptime)
            } catch let failure as PostgresLink.ConnectFailure {
                let error = PostgresFailure.connecting(failure, to: address)
                if error.code == .permission || error.code == .notFound { throw error }
                if first == nil { first = error }
            }
        }
        throw first ?? StorageError(.unavailable, "the host \(host) has no address")
    }

    /// The addresses of a host; one that is `nil` for a socket.
    private func addresses(of host: PostgresAddress.Host, until deadline: Duration) throws -> [String?] {
        if host.isSocket { return [nil] }
        if let address = host.address { return [address] }
        let limit = Swift.max(deadline - options.environment.uptime(), .milliseconds(1))
        return try resolver.addresses(of: host.name, within: limit)
    }
}
