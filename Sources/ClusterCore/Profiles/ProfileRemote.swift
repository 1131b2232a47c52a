public import VPNFormats

/// Where a client finds the nodes: one `remote` line of a profile.
public struct ProfileRemote: Hashable, Sendable {
    /// A DNS name or an IP address, checked.
    public let host: String
    /// The port, 1…65,535.
    public let port: UInt16
    /// The transport.
    public let transport: TransportProtocol

    /// Checks a remote.
    ///
    /// - Throws: ``ProfileError`` when the host is neither a DNS name nor an IP address, or the port is 0: a setting
    ///   must not be able to write lines of its own into profiles.
    public init(host: String, port: UInt16, transport: TransportProtocol = .udp) throws(ProfileError) {
        guard HostName(host) != nil || IPAddress(host) != nil else {
            throw ProfileError("a profile needs a DNS name or an IP address: `config set hostname NAME` sets it")
        }
        guard port > 0 else { throw ProfileError("a port is 1 to 65535") }
        self.host = host
        self.port = port
        self.transport = transport
    }

    /// The remotes of a cluster: each host on each of the ports that its nodes listen on, hosts first.
    ///
    /// - Parameters:
    ///   - hosts: The one name of the cluster, or several.
    ///   - listeners: What the nodes listen on; their addresses do not matter, ports that repeat count once.
    /// - Throws: ``ProfileError`` as ``init(host:port:transport:)``, and when there are none, or more than 64.
    public static func all(hosts: [String], listeners: [ListenAddress]) throws(ProfileError) -> [ProfileRemote] {
        var remotes: [ProfileRemote] = []
        for listener in listeners {
            for host in hosts {
                let remote = try ProfileRemote(host: host, port: listener.port, transport: listener.transport)
                if !remotes.contains(remote) { remotes.append(remote) }
            }
        }
        guard (1...limit).contains(remotes.count) else {
            throw ProfileError(
                "a profile has 1 to \(limit) combinations of host and port, this would have \(remotes.count)")
        }
        return remotes
    }

    /// The most `remote` lines of a profile: the limit of stock clients.
    public static let limit = 64
}

/// A profile that cannot be written.
public struct ProfileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong and how to mend it.
    public let description: String

    init(_ description: String) { self.description = description }
}
