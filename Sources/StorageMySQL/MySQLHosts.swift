internal import ClusterCore
internal import StorageSQL
internal import Synchronization

/// The hosts of an address, of which those that did not answer are tried last for a while.
final class MySQLHosts: Sendable {
    /// How long a host that did not answer is avoided.
    private static let avoidance = Duration.seconds(30)

    private let hosts: [MySQLAddress.Host]
    private let isRandom: Bool
    private let environment: StorageEnvironment
    private let avoided = Mutex<[MySQLAddress.Host: Duration]>([:])

    init(_ address: MySQLAddress, environment: StorageEnvironment) {
        // A socket leads to one server, whatever the hosts.
        self.hosts = address.socket == nil ? address.hosts : Array(address.hosts.prefix(1))
        self.isRandom = address.isRandom
        self.environment = environment
    }

    /// Tries the hosts in order until one answers.
    ///
    /// - Returns: What `connect` gave, and the host.
    /// - Throws: What the first host said when none answers; at once when a server refuses user or database, which the
    ///   others would do too.
    func connect<T>(_ connect: (MySQLAddress.Host) throws -> T) throws -> (T, MySQLAddress.Host) {
        var first: (any Error)?
        for host in order() {
            do {
                let connection = try connect(host)
                avoided.withLock { $0[host] = nil }
                return (connection, host)
            } catch let error as StorageError {
                if error.code == .permission || error.code == .notFound { throw error }
                avoided.withLock { $0[host] = environment.uptime() + Self.avoidance }
                if first == nil { first = error }
            }
        }
        throw first ?? StorageError(.unavailable, "the URL names no host")
    }

    private func order() -> [MySQLAddress.Host] {
        let now = environment.uptime()
        var ordered = hosts
        if isRandom {
            let start = Int(environment.random() % UInt64(max(hosts.count, 1)))
            ordered = Array(hosts[start...] + hosts[..<start])
        }
        let late = avoided.withLock { $0.filter { $0.value > now } }
        return ordered.filter { late[$0] == nil } + ordered.filter { late[$0] != nil }
    }
}
