internal import CMariaDB
internal import ClusterCore
internal import StorageSQL
internal import Synchronization

/// The servers of a backend: how to connect to one of them, and which to leave.
final class MySQLServers: Sendable {
    /// The most connects that may still hang in the library after one stopped waiting for them.
    private static let hangingConnects = 8

    let address: MySQLAddress
    let environment: StorageEnvironment
    /// Ends what takes too long.
    let watch = MySQLWatch()
    private let hosts: ServerHosts<MySQLAddress.Host>
    private let names = NameResolver()
    private let condemned = Mutex<[MySQLAddress.Host: Int]>([:])
    private let hanging = Mutex(0)

    init(_ address: MySQLAddress, environment: StorageEnvironment) {
        self.address = address
        self.environment = environment
        // A socket leads to one server, whatever the hosts.
        let named = address.socket == nil ? address.hosts : Array(address.hosts.prefix(1))
        hosts = ServerHosts(named, isRandom: address.isRandom, environment: environment)
    }

    /// Opens a connection to one of the servers that take writes; blocks within a bounded time.
    ///
    /// - Throws: ``ClusterCore/StorageError``, with no password in it.
    func open(_ limits: MySQLLimits) throws -> MySQLConnection {
        try hosts.connect { host in
            let wire = MySQLWire(try connect(to: host, limits), to: host, of: self, limits)
            do {
                return try MySQLConnection(wire, limits)
            } catch var error as StorageError {
                // The server was reached, and then went away or is not part of its cluster.
                if error.code == .connectionLost { error.code = .unavailable }
                if error.code == .readOnly { leave(host) }
                throw error
            }
        }
    }

    /// Connects to one server; blocks, at most as long as the limit.
    ///
    /// The library's own limits count from byte to byte, and its look-up of names has none: a connect that takes too
    /// long is left to a thread of its own.
    func connect(to host: MySQLAddress.Host, _ limits: MySQLLimits) throws -> UnsafeMutablePointer<MYSQL> {
        let limit = limits.connect
        let deadline = environment.uptime() + limit
        let password = try address.password.current(limit: limit) ?? ""
        let addresses = try address.socket == nil ? names.addresses(of: host.name, within: limit) : []
        let link = MySQLLink(address: address, limits: limits, host: host, addresses: addresses, password: password)
        guard hanging.withLock({ $0 < Self.hangingConnects }) else { throw link.late(limit) }
        let call = BoundedCall { MySQLHandle(pointer: try link.connect()) }
        let handle = try call.wait(for: deadline - environment.uptime()) { [self] result in
            hanging.withLock { $0 -= 1 }
            if case .success(let handle) = result { mysql_close(handle.pointer) }
        }
        guard let handle else {
            hanging.withLock { $0 += 1 }
            throw link.late(limit)
        }
        return handle.pointer
    }

    /// How often a server was left since the backend was opened.
    func departures(from host: MySQLAddress.Host) -> Int { condemned.withLock { $0[host, default: 0] } }

    /// Has a server left by all connections, and tried last for a while: it takes no writes, or is not part of its
    /// cluster any more.
    func leave(_ host: MySQLAddress.Host) {
        condemned.withLock { $0[host, default: 0] += 1 }
        hosts.avoid(host)
    }
}

/// A handle on its way between threads; one of them uses it at a time.
struct MySQLHandle: @unchecked Sendable {
    var pointer: UnsafeMutablePointer<MYSQL>
}
