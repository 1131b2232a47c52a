internal import ClusterCore
internal import Synchronization

/// The servers that a URL names. Those that did not answer are tried last for a while.
public final class ServerHosts<Host: Hashable & Sendable>: Sendable {
    private let hosts: [Host]
    private let isRandom: Bool
    private let avoidance: Duration
    private let environment: StorageEnvironment
    private let avoided = Mutex<[Host: Duration]>([:])

    /// - Parameters:
    ///   - hosts: The servers, in their order.
    ///   - isRandom: Whether they are tried in an order that is drawn anew at each connect.
    ///   - avoidance: How long a server that did not answer is tried last.
    ///   - environment: The clock and the randomness.
    public init(
        _ hosts: [Host], isRandom: Bool, avoidance: Duration = .seconds(30), environment: StorageEnvironment
    ) {
        self.hosts = hosts
        self.isRandom = isRandom
        self.avoidance = avoidance
        self.environment = environment
    }

    /// Tries the servers in turn until one answers.
    ///
    /// - Parameter connect: Connects to one; blocks within a bounded time.
    /// - Returns: What `connect` gave.
    /// - Throws: What the first said that refused the user or the database. One that refuses is there, and another one may
    ///   not: a standby that lags does not know what was just made. Otherwise what the first said that will answer soon, as
    ///   one does whose cluster has just lost a server; else what the first said.
    public func connect<T>(_ connect: (Host) throws -> T) throws -> T {
        var first: (any Error)?
        var refusal: (any Error)?
        for host in order() {
            do {
                let connection = try connect(host)
                avoided.withLock { $0[host] = nil }
                return connection
            } catch let error as StorageError where [.permission, .notFound].contains(error.code) {
                refusal = refusal ?? error
            } catch {
                avoid(host)
                if first == nil || (Self.passes(error) && !Self.passes(first)) { first = error }
            }
        }
        throw refusal ?? first ?? StorageError(.unavailable, "the URL of the database names no host")
    }

    /// Whether it is worth trying again soon.
    private static func passes(_ error: (any Error)?) -> Bool {
        (error as? StorageError).map { $0.code == .connectionLost || $0.code == .busy } ?? false
    }

    /// Has a server tried last for a while: it went away, or turned out not to be the one that takes writes.
    public func avoid(_ host: Host) {
        let end = environment.uptime() + avoidance
        avoided.withLock { $0[host] = end }
    }

    /// The servers as they would be tried now.
    package func order() -> [Host] {
        let now = environment.uptime()
        var generator = environment.generator
        let ordered = isRandom ? hosts.shuffled(using: &generator) : hosts
        let late = avoided.withLock { $0.filter { $0.value > now } }
        return ordered.filter { late[$0] == nil } + ordered.filter { late[$0] != nil }
    }
}
