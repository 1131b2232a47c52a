import ClusterCore
import ClusterOperations
import Foundation
import Logging
import StorageSQLite
import Synchronization
import Testing
import VPNEngine
import VPNFormats
import VPNProtocol

@testable import NodeRuntime

/// A standalone cluster on SQLite in a directory of its own.
final class Site: Sendable {
    static let password = "correct horse battery"
    let directory: DataDirectory
    let settings: NodeSettings
    let key: ClusterKey
    let backend: SQLiteBackend
    let session: OperatorSession

    private init(
        _ directory: DataDirectory, _ settings: NodeSettings, _ key: ClusterKey, _ backend: SQLiteBackend
    ) throws {
        self.directory = directory
        self.settings = settings
        self.key = key
        self.backend = backend
        session = OperatorSession(
            backend: backend, clusterID: try #require(ClusterID(settings.clusterID)), key: key,
            actor: AuditActor(kind: .operator, name: "test"))
    }

    /// Makes the cluster, runs `body`, removes everything.
    static func with(
        settings: [String: String] = [:], users: [String] = ["user1"], _ body: (Site) async throws -> Void
    ) async throws {
        let path = NSTemporaryDirectory() + "asnode-runtime-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let site = try await make(DataDirectory(path: path))
        var all = ["password.scrypt-cost": "14", "store.poll-interval": "50ms", "session.update-interval": "1s"]
        all.merge(settings) { $1 }
        try await SettingOperations(site.session).set(all)
        for user in users { _ = try await UserOperations(site.session).add(user, password: password) }
        try await body(site)
        await site.backend.close()
    }

    private static func make(_ directory: DataDirectory) async throws -> Site {
        let setup = StandaloneSetup(
            directory: directory, probe: LinuxHostProbe(), actor: AuditActor(kind: .operator, name: "test"))
        let open: StandaloneSetup.Opening = { settings, key, _ in
            try await self.open(settings, key, directory)
        }
        let options = StandaloneSetup.Options(hostname: "vpn.example.com", nodeName: "n1")
        let outcome = try await setup.run(options, environment: [:], open: open)
        let key = try #require(try ClusterKey.load(from: directory))
        return try Site(directory, outcome.settings, key, try await self.open(outcome.settings, key, directory))
    }

    private static func open(
        _ settings: NodeSettings, _ key: ClusterKey, _ directory: DataDirectory
    ) async throws -> SQLiteBackend {
        let authenticator = ClusterRowAuthenticator(key: key, clusterID: try #require(ClusterID(settings.clusterID)))
        return try await SQLiteBackend.open(
            directory.file(DataDirectory.databaseName), mode: .create,
            options: SQLiteOptions(authenticator: authenticator))
    }

    /// Issues a profile and gives its certificate in DER.
    func certificate(of user: String) async throws -> (der: [UInt8], serial: CertificateSerial) {
        let issued = try await ProfileOperations(session).issue(to: user, kind: .userLocked, listeners: settings.listen)
        let record = try await backend.read { try $0.certificates.certificate(issued.serial) }
        return (try #require(record).der, issued.serial)
    }

    /// Runs a node with an engine that a test drives, until `body` returns; then stops it.
    func withNode(_ body: (FakeEngine) async throws -> Void) async throws {
        let engines = Mutex<FakeEngine?>(nil)
        let node = try node { configuration, authorizer, _ in
            let engine = FakeEngine(configuration: configuration, authorizer: authorizer)
            engines.withLock { $0 = engine }
            return engine
        }
        let task = Task { try await node.run() }
        let engine = try await eventually { engines.withLock { $0 }.flatMap { $0.isStarted ? $0 : nil } }
        do {
            try await body(try #require(engine))
        } catch {
            task.cancel()
            _ = try? await task.value
            throw error
        }
        task.cancel()
        try await task.value
    }

    func node(_ makeEngine: @escaping VPNNode.EngineMaking) throws -> VPNNode {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let configuration = NodeConfiguration(
            nodeID: try #require(NodeID(settings.nodeID)), clusterID: session.clusterID, clusterKey: key,
            listeners: settings.listen, softwareVersion: "test", stopGrace: .milliseconds(10))
        return VPNNode(configuration: configuration, backend: backend, logger: logger, makeEngine: makeEngine)
    }
}

/// Asks until there is an answer, at most for a time.
func eventually<Answer>(within: Duration = .seconds(10), _ ask: () async throws -> Answer?) async throws -> Answer? {
    let end = ContinuousClock.now + within
    while ContinuousClock.now < end {
        if let answer = try await ask() { return answer }
        try await Task.sleep(for: .milliseconds(10))
    }
    return try await ask()
}

/// Stands in for the packet engine: a test says what clients do.
final class FakeEngine: PacketEngine {
    let configuration: EngineConfiguration
    private let authorizer: any Authorizer
    private struct State {
        var isStarted = false
        var isStopped = false
        var nextHandle: UInt64 = 1
        var live: Set<SessionHandle> = []
        var admitted: Set<SessionHandle> = []
        var ended: [SessionHandle: SessionEnding] = [:]
        var updates: [EngineUpdate] = []
    }
    private let state = Mutex(State())

    init(configuration: EngineConfiguration, authorizer: any Authorizer) {
        self.configuration = configuration
        self.authorizer = authorizer
    }

    var isStarted: Bool { state.withLock { $0.isStarted } }
    var isStopped: Bool { state.withLock { $0.isStopped } }
    var ended: [SessionHandle: SessionEnding] { state.withLock { $0.ended } }
    var updates: [EngineUpdate] { state.withLock { $0.updates } }

    func start() throws { state.withLock { $0.isStarted = true } }

    func stop(grace: Duration) async {
        let left = state.withLock { state in
            state.isStopped = true
            return state.admitted
        }
        for handle in left { leave(handle, .ended("server is shutting down")) }
    }

    func waitUntilStopped() async throws {
        while !state.withLock({ $0.isStopped }), !Task.isCancelled { try? await Task.sleep(for: .milliseconds(10)) }
    }

    func end(_ session: SessionHandle, _ ending: SessionEnding) {
        state.withLock { $0.ended[session] = ending }
        leave(session, .ended("policy"))
    }

    func update(_ update: EngineUpdate) { state.withLock { $0.updates.append(update) } }
    func statistics() async -> [SessionStatistics] { state.withLock { $0.live.map(Self.statistics) } }
    func counters() async -> EngineCounters { EngineCounters() }

    /// A client connects for the first time or again.
    func connect(
        _ certificate: [UInt8], _ user: String, _ password: String, goesLive: Bool = true
    ) async -> (handle: SessionHandle, decision: LoginDecision) {
        let handle = state.withLock { state in
            defer { state.nextHandle += 1 }
            return SessionHandle(rawValue: state.nextHandle)
        }
        let decision = await login(handle, certificate, user, password, isRenegotiation: false)
        if case .admit = decision {
            state.withLock { state in
                state.admitted.insert(handle)
                if goesLive { state.live.insert(handle) }
            }
            if goesLive { authorizer.sessionBecameLive(handle) }
        }
        return (handle, decision)
    }

    /// A login of a session.
    func login(
        _ handle: SessionHandle, _ certificate: [UInt8], _ user: String, _ password: String, isRenegotiation: Bool
    ) async -> LoginDecision {
        let request = VPNProtocol.LoginRequest(
            isRenegotiation: isRenegotiation, certificate: certificate,
            credentials: Credentials(username: user, password: password),
            peerInfo: PeerInfo(["IV_VER": "2.6.14", "IV_PLAT": "linux"]))
        return await authorizer.authorize(Login(session: handle, remote: Self.remote, request: request))
    }

    /// A session is over.
    func leave(_ handle: SessionHandle, _ reason: EndReason = .clientExit) {
        let was = state.withLock { state in
            state.live.remove(handle)
            return state.admitted.remove(handle) != nil
        }
        guard was else { return }
        authorizer.sessionEnded(SessionReport(session: handle, reason: reason, statistics: Self.statistics(handle)))
    }

    private static let remote = SocketAddress(ip: .v4(IPv4Address(192, 0, 2, 9)), port: 4000)

    private static func statistics(_ handle: SessionHandle) -> SessionStatistics {
        SessionStatistics(
            session: handle, remote: remote, bytesIn: 1000 + handle.rawValue, bytesOut: 2000, cipher: .aes256GCM,
            tlsVersion: "TLSv1.3")
    }
}

extension LoginDecision {
    var grant: Grant? {
        if case .admit(let grant) = self { grant } else { nil }
    }

    var refusal: Refusal? {
        if case .refuse(let refusal) = self { refusal } else { nil }
    }
}
