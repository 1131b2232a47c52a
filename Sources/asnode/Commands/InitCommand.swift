internal import ArgumentParser
internal import ClusterCore
internal import ClusterOperations
internal import StorageBackends
internal import VPNFormats

struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make a standalone node. A second run changes nothing.")

    @OptionGroup var global: GlobalOptions
    @Option(help: ArgumentHelp("The DNS name or address that clients connect to.", valueName: "NAME"))
    var hostname: String?
    @Option(help: ArgumentHelp("The node's name, for people.", valueName: "NODE"))
    var name: String?
    @Option(help: ArgumentHelp("What to listen on; can be repeated (default: udp:1194).", valueName: "udp:PORT"))
    var listen: [String] = []
    @Option(
        name: .customLong("public-address"),
        help: ArgumentHelp("An address at which clients reach the node; can be repeated.", valueName: "IP"))
    var publicAddresses: [String] = []
    @Option(
        name: .customLong("client-network"),
        help: ArgumentHelp("A network that clients get addresses from; can be repeated.", valueName: "CIDR"))
    var clientNetworks: [String] = []
    @Option(help: ArgumentHelp("How clients' packets leave: nat or route.", valueName: "nat|route"))
    var egress: String = "nat"
    @Option(
        help: ArgumentHelp(
            "The database, empty as yet: sqlite:///FILE, mysql://… or postgres://… (default: $ASNODE_DATABASE, then a SQLite file in the data directory).",
            valueName: "URL"))
    var database: String?

    func run() async throws {
        let probe = LinuxHostProbe()
        let directory = global.directory
        let setup = StandaloneSetup(directory: directory, probe: probe, actor: Workplace.currentActor)
        let outcome = try await setup.run(options(probe), environment: Workplace.environment) { settings, key, isNew in
            try await StoreOpening.create(try Workplace(directory, settings, key), isNew: isNew)
        }
        try show(outcome)
    }

    private func options(_ probe: some HostProbe) throws -> StandaloneSetup.Options {
        let addresses = try publicAddresses.map { text in
            guard let address = IPAddress(text) else {
                throw Failure(.usage, "--public-address \(text) is not an IPv4 or IPv6 address")
            }
            return address
        }
        guard let egress = NodeSettings.Egress(rawValue: egress) else {
            throw Failure(.usage, "--egress is nat or route")
        }
        return StandaloneSetup.Options(
            hostname: hostname ?? StandaloneSetup.likelyHostname(publicAddresses: addresses, probe: probe),
            nodeName: name ?? StandaloneSetup.likelyNodeName(probe: probe),
            listen: listen.isEmpty ? NodeSettings.defaultListen : try listen.map(Self.listenAddress),
            publicAddresses: addresses, clientNetworks: try clientNetworks.map(Self.network), egress: egress,
            databaseURL: try databaseURL())
    }

    /// The database that was asked for, read once so that a slip leaves nothing behind.
    private func databaseURL() throws -> String? {
        if let database { return try StoreOpening.url(of: database, option: "--database").text }
        guard let variable = Workplace.environment["ASNODE_DATABASE"], !variable.isEmpty else { return nil }
        return try StoreOpening.url(of: variable, option: "ASNODE_DATABASE").text
    }

    private static func listenAddress(_ text: String) throws -> ListenAddress {
        do {
            return try ListenAddress(parsing: text)
        } catch {
            throw Failure(.usage, "--listen \(text): \(error)")
        }
    }

    private static func network(_ text: String) throws -> IPPrefix {
        do {
            return try IPPrefix(parsing: text)
        } catch {
            throw Failure(.usage, "--client-network \(text): \(error)")
        }
    }

    private func show(_ outcome: StandaloneSetup.Outcome) throws {
        let path = global.directory.path
        let database = try StoreOpening.url(outcome.settings, in: global.directory)
        if global.json {
            return try StandardOutput.print(json: NodeDocument(outcome, directory: path, database: "\(database)"))
        }
        let settings = outcome.settings
        let listen = settings.listen.map(\.description).joined(separator: ", ")
        guard outcome.isNew else {
            print("There is a node in \(path) already; nothing was changed.")
            print("  name \(settings.name), listening on \(listen), clients connect to \(outcome.hostname)")
            print("  its data is in \(database)")
            print("Change it: asnode config set hostname NAME; what belongs to this machine is in \(path)/node.yaml")
            return
        }
        print("Made the node \(settings.name) in \(path).")
        print("  It listens on \(listen); clients connect to \(outcome.hostname).")
        if hostname == nil {
            print(
                "  (That is a guess. Another: asnode --data \(path) config set hostname NAME, before issuing profiles.)"
            )
        }
        print("  Clients get addresses from \(outcome.clientNetworks.map(\.description).joined(separator: ", ")).")
        print("  Its data is in \(database).")
        print("  Keep a copy of \(path)/cluster.key in a safe place: without it the database is lost.")
        print("Next:")
        print("  asnode --data \(path) user add NAME")
        print("  asnode --data \(path) profile issue NAME --output NAME.ovpn")
        print("  asnode --data \(path) run")
    }
}

/// A node as `init --json` shows it.
private struct NodeDocument: Encodable {
    let changed: Bool
    let directory: String
    let id: String
    let cluster: String
    let name: String
    let hostname: String
    let listen: [String]
    let publicAddresses: [String]
    let clientNetworks: [String]
    let egress: String
    let database: String

    init(_ outcome: StandaloneSetup.Outcome, directory: String, database: String) {
        let settings = outcome.settings
        self.changed = outcome.isNew
        self.directory = directory
        self.id = settings.nodeID
        self.cluster = settings.clusterID
        self.name = settings.name
        self.hostname = outcome.hostname
        self.listen = settings.listen.map(\.description)
        self.publicAddresses = settings.publicAddresses.map(\.description)
        self.clientNetworks = outcome.clientNetworks.map(\.description)
        self.egress = settings.egress.rawValue
        self.database = database
    }
}
