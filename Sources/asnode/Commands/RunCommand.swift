internal import ArgumentParser
internal import ClusterCore
internal import ClusterOperations
internal import Glibc
internal import Logging
internal import NodeRuntime
internal import ServiceLifecycle
internal import StorageBackends
internal import StorageSQL
internal import UnixSignals
internal import VPNEngine
internal import VPNFormats

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the node in the foreground.",
        discussion: """
            Needs root, or CAP_NET_ADMIN (and CAP_NET_BIND_SERVICE for ports below 1024). The log goes to standard error.
            SIGTERM or SIGINT ends it cleanly: clients are told, routes and NAT are removed. A second one ends it at once.
            """)

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let directory = global.directory
        let workplace = try await Workplace.open(directory)
        let lock = try directory.lockForRunning()
        defer { withExtendedLifetime(lock) {} }
        let logger = Self.logger(level: workplace.settings.logLevel)
        if !disableCoreDumps() { logger.warning("core dumps could not be switched off; they would hold keys") }
        // A file has no other node; a server's tables are changed when its operator says so.
        let backend = try await StoreOpening.open(
            workplace, mode: workplace.url.family == .sqlite ? .migrate : .existing)
        do {
            try await serve(workplace, backend, logger)
            await backend.close()
        } catch {
            await backend.close()
            throw error
        }
    }

    private func serve(_ workplace: Workplace, _ backend: any StorageBackend, _ logger: Logger) async throws {
        let settings = workplace.settings
        let probe = LinuxHostProbe()
        let path = workplace.directory.path
        logger.notice("starting asnode \(SoftwareVersion.current)", metadata: ["data": "\(path)"])
        let node = VPNNode(
            configuration: NodeConfiguration(
                nodeID: workplace.nodeID, clusterID: workplace.clusterID, clusterKey: workplace.key,
                listeners: settings.listen, publicAddresses: settings.publicAddresses, deviceName: settings.device,
                egress: EgressConfiguration(settings.egress),
                machineName: probe.hostName(), softwareVersion: SoftwareVersion.current,
                hostNetworks: probe.networks().filter { $0.interface != settings.device }.map(\.prefix)),
            backend: backend, logger: logger)
        var group = ServiceGroupConfiguration(
            services: [.init(service: node, successTerminationBehavior: .gracefullyShutdownGroup)],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: Self.quiet(logger))
        group.maximumGracefulShutdownDuration = .seconds(15)
        let second = SecondSignal(logger: logger)
        defer { second.cancel() }
        try await ServiceGroup(configuration: group).run()
    }

    private static func logger(level: String) -> Logger {
        var logger = Logger(label: "asnode") { _ in TerminalLogHandler() }
        logger.logLevel = Logger.Level(rawValue: level) ?? .info
        return logger
    }

    /// What runs the node tells of its own steps only when one debugs.
    private static func quiet(_ logger: Logger) -> Logger {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, logger.logLevel <= .debug ? .debug : .error)
        return quiet
    }
}

extension EgressConfiguration {
    init(_ egress: NodeSettings.Egress) {
        switch egress {
        case .nat: self = .nat
        case .route: self = .route
        }
    }
}
