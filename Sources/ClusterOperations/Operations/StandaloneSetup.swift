public import ClusterCore
public import VPNFormats

/// Makes a standalone node: a cluster of one.
///
/// Each step leaves something that the next run finds, and the database's content is made in one transaction, so a run
/// that was interrupted anywhere is completed by the next one, and a run on a finished node changes nothing.
public struct StandaloneSetup: Sendable {
    /// What a person may choose. `nil` and empty lists leave the choice to the defaults.
    public struct Options: Sendable, Hashable {
        /// The name or address that profiles tell clients to connect to.
        public var hostname: String
        /// The node's name.
        public var nodeName: String
        /// What the node listens on.
        public var listen: [ListenAddress]
        /// The addresses at which clients reach the node, where they are not the machine's own.
        public var publicAddresses: [IPAddress]
        /// What clients get their addresses from; empty for the default.
        public var clientNetworks: [IPPrefix]
        /// How clients' packets leave.
        public var egress: NodeSettings.Egress
        /// The database; `nil` for a file in the data directory.
        public var databaseURL: String?

        /// Choices.
        public init(
            hostname: String, nodeName: String, listen: [ListenAddress] = NodeSettings.defaultListen,
            publicAddresses: [IPAddress] = [], clientNetworks: [IPPrefix] = [], egress: NodeSettings.Egress = .nat,
            databaseURL: String? = nil
        ) {
            self.hostname = hostname
            self.nodeName = nodeName
            self.listen = listen
            self.publicAddresses = publicAddresses
            self.clientNetworks = clientNetworks
            self.egress = egress
            self.databaseURL = databaseURL
        }
    }

    /// What came of it.
    public struct Outcome: Sendable {
        /// Whether anything was made; false when the node was complete before.
        public var isNew: Bool
        /// The node's settings as they are in its file.
        public var settings: NodeSettings
        /// The name or address that clients connect to.
        public var hostname: String
        /// The networks that clients get their addresses from.
        public var clientNetworks: [IPPrefix]
    }

    /// Opens the store that the settings name, with the cluster's key. For a new node it makes the tables, and refuses
    /// a database that holds a cluster.
    public typealias Opening =
        @Sendable (_ settings: NodeSettings, _ key: ClusterKey, _ isNew: Bool) async throws ->
        any StorageBackend

    private let directory: DataDirectory
    private let probe: any HostProbe
    private let actor: AuditActor

    /// Set-up in a data directory.
    public init(directory: DataDirectory, probe: any HostProbe, actor: AuditActor) {
        self.directory = directory
        self.probe = probe
        self.actor = actor
    }

    /// Makes what is missing.
    ///
    /// - Parameters:
    ///   - options: What a person chose; looked at only for what is missing.
    ///   - environment: The process's environment.
    ///   - open: Opens the store; the backend is closed again before this returns.
    /// - Throws: `OperationError`; what the store throws. What was made before the error stays and is found again, but
    ///   for settings that name a database which turned out to be of no use: another one can be named then.
    public func run(
        _ options: Options, environment: [String: String], open: Opening
    ) async throws -> Outcome {
        try check(options)
        try directory.create()
        let lock = try directory.lockForSetup()
        defer { withExtendedLifetime(lock) {} }
        directory.removeLeftovers()
        let (key, isNewKey) = try clusterKey()
        let (settings, isNewFile) = try await nodeSettings(options, environment: environment)
        let backend: any StorageBackend
        do {
            backend = try await open(settings, key, isNewFile)
        } catch {
            if isNewFile, settings.databaseURL != nil { directory.remove(DataDirectory.settingsName) }
            throw error
        }
        do {
            let outcome = try await fill(backend, settings: settings, key: key, options: options)
            await backend.close()
            return Outcome(
                isNew: outcome.isNew || isNewKey || isNewFile, settings: settings, hostname: outcome.hostname,
                clientNetworks: outcome.clientNetworks)
        } catch {
            await backend.close()
            throw error
        }
    }

    /// Looks at every choice before anything is made, so that a slip leaves nothing behind.
    private func check(_ options: Options) throws {
        var random = SystemRandomNumberGenerator()
        try settings(options, node: NodeID(using: &random), cluster: ClusterID(using: &random)).check()
        try SettingOperations.checkNetworks(options.clientNetworks, against: probe.networks())
        do {
            _ = try Setting<String>.hostname.value(of: options.hostname)
            guard !options.clientNetworks.isEmpty else { return }
            let setting = Setting<[IPPrefix]>.clientNetworks
            let settings = Settings(
                cluster: ClusterID(using: &random), stored: [setting.name: try setting.text(of: options.clientNetworks)]
            )
            try Founding.checkRoom(ClientSubnets(settings).firstFree(taken: []))
        } catch let error as SettingError {
            throw OperationError(.invalidArgument, "\(error)")
        }
    }

    private func settings(_ options: Options, node: NodeID, cluster: ClusterID) -> NodeSettings {
        NodeSettings(
            nodeID: node.description, clusterID: cluster.description, name: options.nodeName, listen: options.listen,
            publicAddresses: options.publicAddresses, egress: options.egress, databaseURL: options.databaseURL)
    }

    /// The key of the directory; a new one only where there is neither key nor database.
    private func clusterKey() throws -> (ClusterKey, isNew: Bool) {
        if let key = try ClusterKey.load(from: directory) { return (key, false) }
        guard try directory.facts(of: DataDirectory.databaseName) == nil else {
            throw OperationError(
                .configuration,
                "\(directory.file(DataDirectory.keyName)) is missing, but there is a database that was made with it; "
                    + "restore the key from a copy, or move \(directory.file(DataDirectory.databaseName)) away to begin anew"
            )
        }
        var random = SystemRandomNumberGenerator()
        let key = ClusterKey.generate(using: &random)
        try directory.write(DataDirectory.keyName, Array(key.fileText().utf8))
        return (key, true)
    }

    private func nodeSettings(
        _ options: Options, environment: [String: String]
    ) async throws -> (NodeSettings, isNew: Bool) {
        if try directory.facts(of: DataDirectory.settingsName) != nil {
            let settings = try await NodeSettings.load(from: directory, environment: environment)
            let file = try await NodeSettings.load(from: directory, environment: [:])
            guard Self.place(settings.databaseURL) == Self.place(file.databaseURL) else {
                throw OperationError(
                    .configuration,
                    "\(directory.file(DataDirectory.settingsName)) names another database than ASNODE_DATABASE; a node moves "
                        + "with `asnode storage copy --to`; nothing was changed")
            }
            return (settings, false)
        }
        guard try directory.facts(of: DataDirectory.databaseName) == nil else {
            throw OperationError(
                .configuration,
                "\(directory.file(DataDirectory.settingsName)) is missing, but there is a database; restore the file "
                    + "from a copy, or move \(directory.file(DataDirectory.databaseName)) away to begin anew")
        }
        var random = SystemRandomNumberGenerator()
        let settings = settings(options, node: NodeID(using: &random), cluster: ClusterID(using: &random))
        try directory.write(DataDirectory.settingsName, Array(settings.fileText().utf8))
        return (settings, true)
    }

    /// A database's URL without user, password and options: those may differ from place to place.
    private static func place(_ url: String?) -> String? {
        guard let url, let scheme = url.firstRange(of: "://") else { return url }
        let rest = url[scheme.upperBound...].prefix { $0 != "?" }
        let host = rest.lastIndex(of: "@").map { rest[rest.index(after: $0)...] } ?? rest
        return String(url[..<scheme.upperBound]) + host
    }

    private func fill(
        _ backend: any StorageBackend, settings: NodeSettings, key: ClusterKey, options: Options
    ) async throws -> Outcome {
        let hostNetworks = probe.networks()
        let actor = actor
        let hostname = options.hostname
        let networks = options.clientNetworks
        let founding = try Founding(settings: settings, key: key)
        let node = try NewNode(settings, machine: probe.hostName(), avoiding: hostNetworks.map(\.prefix))
        let isNew = try await backend.write { writer -> Bool in
            if let cluster = try writer.config.cluster() {
                guard cluster.id == founding.clusterID else {
                    throw OperationError(.configuration, "the database belongs to another cluster; nothing was changed")
                }
                return false
            }
            let now = try writer.now()
            try writer.change(by: actor) { change in
                try founding.write(to: change, hostname: hostname, networks: networks, now: now)
            }
            let clientNetworks = try writer.config.settings().value[.clientNetworks]
            try SettingOperations.checkNetworks(clientNetworks, against: hostNetworks)
            try node.write(to: writer)
            return true
        }
        let stored = try await backend.read { try $0.config.settings().value }
        return Outcome(
            isNew: isNew, settings: settings, hostname: stored[.hostname], clientNetworks: stored[.clientNetworks])
    }
}

extension StandaloneSetup {
    /// The name or address that clients connect to when nobody says: a public address that was given, else the first
    /// address of the machine that is no link's own, IPv4 before IPv6, else the machine's name.
    ///
    /// - Returns: Empty when the machine has none of them.
    public static func likelyHostname(publicAddresses: [IPAddress], probe: any HostProbe) -> String {
        let own = probe.networks().map(\.address).filter { !isLinkLocal($0) }
        let address = publicAddresses.first ?? own.first(where: \.isIPv4) ?? own.first
        if let address { return address.description }
        let name = probe.hostName()
        return (try? Setting<String>.hostname.value(of: name)) ?? ""
    }

    /// A name for the node made of the machine's.
    public static func likelyNodeName(probe: any HostProbe) -> String {
        let short = probe.hostName().prefix { $0 != "." }
        let name = String(short.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }.prefix(63))
        guard (try? NodeSettings.check(name: name)) != nil else { return "node1" }
        return name
    }

    private static func isLinkLocal(_ address: IPAddress) -> Bool {
        switch address {
        case .v4(let address): address.isLinkLocal || address.isLoopback
        case .v6(let address): address.bytes.starts(with: [0xfe, 0x80]) || address.bits == 1
        }
    }
}
