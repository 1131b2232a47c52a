public import ClusterCore
public import Logging
public import ServiceLifecycle
internal import Synchronization
package import VPNEngine
internal import VPNFormats

/// One node of a VPN access server: a store and a packet engine, put together.
///
/// A node is a `Service`: run it in a `ServiceGroup`, or call ``run()`` in a task and cancel that. It takes its
/// configuration from the store, follows changes of it within a second, decides about logins, and writes sessions back.
///
/// ```swift
/// let backend = try await SQLiteBackend.open(path, mode: .migrate, options: options)
/// let node = VPNNode(configuration: configuration, backend: backend, logger: Logger(label: "node"))
/// try await ServiceGroup(services: [node], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger).run()
/// await backend.close()
/// ```
public struct VPNNode: Service {
    /// Makes the packet engine; another than ``Engine`` in tests.
    package typealias EngineMaking =
        @Sendable (EngineConfiguration, any Authorizer, @escaping @Sendable (EngineEvent) -> Void) -> any PacketEngine

    private let configuration: NodeConfiguration
    private let backend: any StorageBackend
    private let logger: Logger
    private let makeEngine: EngineMaking

    /// Puts a node together; nothing is opened yet.
    ///
    /// - Parameters:
    ///   - configuration: What is not in the store.
    ///   - backend: The store; stays open when the node has ended.
    ///   - logger: Gets what an operator may want to read; never a secret.
    public init(configuration: NodeConfiguration, backend: any StorageBackend, logger: Logger) {
        self.init(configuration: configuration, backend: backend, logger: logger) {
            Engine(configuration: $0, authorizer: $1, onEvent: $2)
        }
    }

    package init(
        configuration: NodeConfiguration, backend: any StorageBackend, logger: Logger,
        makeEngine: @escaping EngineMaking
    ) {
        self.configuration = configuration
        self.backend = backend
        self.logger = logger
        self.makeEngine = makeEngine
    }

    /// Runs the node until it is shut down, gracefully or by cancellation, or cannot go on.
    ///
    /// At the end clients are told, sessions' ends are written, and the tun device, its routes and the NAT table are gone.
    ///
    /// - Throws: `NodeError`, `EngineError` when the engine cannot start or go on, `SnapshotError` or `StorageError` when
    ///   the store cannot be read at start.
    public func run() async throws {
        let metrics = NodeMetrics()
        let start = NodeStart(configuration: configuration, backend: backend, logger: logger)
        let started = try await start.run()
        let clock = StoreClock(store: started.snapshot.readAt, uptime: Uptime.now)
        let hashing = HashingPool(
            threads: configuration.hashingThreads, queueLimit: configuration.hashingQueueLimit)
        let sealer = Sealer(key: configuration.clusterKey, clusterID: configuration.clusterID)
        let rehashing = PasswordRehashing(
            backend: backend, sealer: sealer, hashing: hashing, actor: start.actor(started.node), logger: logger)
        let recorder = SessionRecorder(
            backend: backend, lease: started.node.lease, clock: clock, rehashing: rehashing, logger: logger,
            metrics: metrics)
        let authorizer = SnapshotAuthorizer(
            registry: SessionRegistry(snapshot: started.snapshot, pool: started.pool), clock: clock, hashing: hashing,
            recorder: recorder, nodeAddresses: configuration.publicAddresses, logger: logger, metrics: metrics)
        let plan = EnginePlan(started.snapshot, subnet: started.subnet)
        let engine = makeEngine(try plan.configuration(configuration), authorizer, EventLog(logger: logger).write)
        recorder.attach(engine)
        recorder.attach(records: { authorizer.sessions.mapValues(\.record) })
        authorizer.endSessions { engine.end($0, $1) }
        try engine.start()
        logger.notice(
            "node is up",
            metadata: [
                "node": "\(started.node.name)", "epoch": "\(started.node.epoch)",
                "revision": "\(started.snapshot.revision)", "users": "\(started.snapshot.users.count)",
                "clients": "\(started.subnet.prefixes.map(\.description).joined(separator: " "))",
            ])
        if started.snapshot.users.isEmpty {
            logger.notice("there are no users yet: asnode user add NAME, then asnode profile issue NAME")
        }
        let parts = NodeParts(
            engine: engine, authorizer: authorizer, recorder: recorder, rehashing: rehashing,
            watcher: watcher(authorizer, engine, clock, started.subnet, metrics),
            housekeeping: Housekeeping(
                backend: backend, authorizer: authorizer,
                renewal: ServerCertificateRenewal(
                    backend: backend, sealer: sealer, actor: start.actor(started.node), logger: logger),
                logger: logger))
        try await parts.run(from: started.snapshot, grace: configuration.stopGrace, logger: logger)
    }

    private func watcher(
        _ authorizer: SnapshotAuthorizer, _ engine: any PacketEngine, _ clock: StoreClock, _ subnet: ClientSubnet,
        _ metrics: NodeMetrics
    ) -> ChangeWatcher {
        ChangeWatcher(
            backend: backend, key: configuration.clusterKey, clock: clock, logger: logger, metrics: metrics
        ) { snapshot in
            let old = authorizer.snapshot
            engine.update(EnginePlan(snapshot, subnet: subnet).update(from: old))
            authorizer.apply(snapshot)
            if old.settings[.clientNetworks] != snapshot.settings[.clientNetworks] {
                logger.notice("client.networks was changed: the node takes its subnet from them when it is restarted")
            }
        }
    }
}

/// What runs while a node runs.
private struct NodeParts: Sendable {
    let engine: any PacketEngine
    let authorizer: SnapshotAuthorizer
    let recorder: SessionRecorder
    let rehashing: PasswordRehashing
    let watcher: ChangeWatcher
    let housekeeping: Housekeeping

    /// Runs everything until one part ends, then takes the rest down in order.
    func run(from snapshot: Snapshot, grace: Duration, logger: Logger) async throws {
        let result = await firstEnd(from: snapshot, logger: logger) {
            authorizer.drain()
            await engine.stop(grace: grace)
        }
        // In a task of its own: this one may be cancelled, and what happened is to be written all the same.
        await Task { await recorder.drain() }.value
        logger.notice("node is down")
        try result.get()
    }

    private func firstEnd(
        from snapshot: Snapshot, logger: Logger, stop: @escaping @Sendable () async -> Void
    ) async -> Result<Void, any Error> {
        await withTaskGroup(of: Result<Void, any Error>.self) { group in
            group.addTask { await outcome { try await engine.waitUntilStopped() } }
            group.addTask {
                await outcome {
                    try await recorder.run { authorizer.snapshot.settings[.sessionUpdateInterval] }
                }
            }
            group.addTask { await outcome { await watcher.run(from: snapshot) } }
            group.addTask { await outcome { await housekeeping.run() } }
            group.addTask { await outcome { await rehashing.run() } }
            group.addTask {
                // Ends by a graceful shutdown, or by a cancellation, which is none.
                _ = try? await gracefulShutdown()
                logger.notice("stopping: clients are told to connect elsewhere or later")
                return .success(())
            }
            let first = await group.next() ?? .success(())
            await stop()
            group.cancelAll()
            return first
        }
    }

    private func outcome(_ body: () async throws -> Void) async -> Result<Void, any Error> {
        do {
            try await body()
            return .success(())
        } catch {
            return .failure(error)
        }
    }
}
