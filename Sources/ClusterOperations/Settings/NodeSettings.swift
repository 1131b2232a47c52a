internal import ClusterCore
public import VPNFormats

/// What belongs to one node alone and is never in the shared store: the content of `node.yaml`.
public struct NodeSettings: Sendable, Hashable {
    /// How clients' packets leave the node.
    public enum Egress: String, Sendable, Hashable, CaseIterable {
        /// With the node's own addresses in place of the clients'.
        case nat
        /// As they are; the network must know the way back.
        case route
    }

    /// The node's identity in the store, as 32 hexadecimal digits. Never edited.
    public var nodeID: String
    /// The cluster that the node belongs to, as 32 hexadecimal digits. Never edited.
    public var clusterID: String
    /// The node's name, for people: 1 to 63 letters, digits, dots, dashes and underscores.
    public var name: String
    /// What the node listens on. UDP only for now.
    public var listen: [ListenAddress]
    /// The addresses at which clients reach the node, where they differ from the host's own.
    public var publicAddresses: [IPAddress]
    /// The name of the tun device, at most 15 bytes.
    public var device: String
    /// How clients' packets leave the node.
    public var egress: Egress
    /// How to reach the database; `nil` for a file in the data directory.
    public var databaseURL: String?
    /// The least severe log lines that are written: `trace`, `debug`, `info`, `notice`, `warning` or `error`.
    public var logLevel: String

    /// What a node listens on when nobody says.
    public static let defaultListen = [ListenAddress(transport: .udp, port: 1194)]
    /// The tun device's name when nobody says.
    public static let defaultDevice = "asnode0"
    /// The log level when nobody says.
    public static let defaultLogLevel = "info"
    /// The log levels, least severe first.
    public static let logLevels = ["trace", "debug", "info", "notice", "warning", "error"]

    /// Makes settings; call ``check()`` before using them.
    public init(
        nodeID: String, clusterID: String, name: String, listen: [ListenAddress] = NodeSettings.defaultListen,
        publicAddresses: [IPAddress] = [], device: String = NodeSettings.defaultDevice, egress: Egress = .nat,
        databaseURL: String? = nil, logLevel: String = NodeSettings.defaultLogLevel
    ) {
        self.nodeID = nodeID
        self.clusterID = clusterID
        self.name = name
        self.listen = listen
        self.publicAddresses = publicAddresses
        self.device = device
        self.egress = egress
        self.databaseURL = databaseURL
        self.logLevel = logLevel
    }

    /// Checks that every value is one that the node can work with.
    ///
    /// - Throws: `OperationError` with `invalidArgument` that names the value and what is allowed, or `unavailable`
    ///   for what is not supported yet.
    public func check() throws(OperationError) {
        guard NodeID(nodeID) != nil, ClusterID(clusterID) != nil else {
            throw OperationError(
                .invalidArgument, "id and cluster must be 32 hexadecimal digits; init makes them, nobody edits them")
        }
        try Self.check(name: name)
        try Self.check(listen: listen)
        try Self.check(device: device)
        guard Self.logLevels.contains(logLevel) else {
            throw OperationError(
                .invalidArgument, "log-level must be one of \(Self.logLevels.joined(separator: ", "))")
        }
        guard publicAddresses.count <= 16 else {
            throw OperationError(.invalidArgument, "public-addresses has more than 16 entries")
        }
    }

    /// Checks a node's name.
    static func check(name: String) throws(OperationError) {
        let allowed = name.utf8.allSatisfy { Self.isAlphanumeric($0) || [0x2D, 0x2E, 0x5F].contains($0) }
        guard (1...63).contains(name.utf8.count), allowed, name.utf8.first.map(Self.isAlphanumeric) == true else {
            throw OperationError(
                .invalidArgument,
                "a node's name has 1 to 63 letters, digits, dots, dashes and underscores and begins with a letter or digit"
            )
        }
    }

    private static func check(listen: [ListenAddress]) throws(OperationError) {
        guard !listen.isEmpty else {
            throw OperationError(
                .invalidArgument, "listen is empty; a node needs at least one address, such as udp:1194")
        }
        guard listen.count <= 16 else { throw OperationError(.invalidArgument, "listen has more than 16 entries") }
        if let tcp = listen.first(where: { $0.transport == .tcp }) {
            throw OperationError(.unavailable, "listening on \(tcp) is not supported yet; use udp:PORT")
        }
        for (index, one) in listen.enumerated() {
            for other in listen[..<index] where one.port == other.port {
                guard let left = one.address, let right = other.address, left != right else {
                    throw OperationError(.invalidArgument, "listen names \(other) and \(one), which are the same port")
                }
            }
        }
    }

    private static func check(device: String) throws(OperationError) {
        let allowed = device.utf8.allSatisfy { Self.isAlphanumeric($0) || [0x2D, 0x2E, 0x5F].contains($0) }
        guard (1...15).contains(device.utf8.count), allowed, device != ".", device != ".." else {
            throw OperationError(
                .invalidArgument, "device must have 1 to 15 letters, digits, dots, dashes and underscores")
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}
