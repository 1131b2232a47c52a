internal import ClusterCore
internal import ClusterOperations
internal import Foundation
internal import Glibc
internal import StorageBackends

/// What a command works on: the data directory, its settings and key, and the store, opened when asked for.
struct Workplace {
    let directory: DataDirectory
    let settings: NodeSettings
    let key: ClusterKey
    let clusterID: ClusterID
    let nodeID: NodeID
    let url: DatabaseURL

    /// - Throws: `OperationError` when the settings have damaged ids; `Failure` when they name no database that there is.
    init(_ directory: DataDirectory, _ settings: NodeSettings, _ key: ClusterKey) throws {
        guard let clusterID = ClusterID(settings.clusterID), let nodeID = NodeID(settings.nodeID) else {
            throw OperationError(.configuration, "\(directory.file(DataDirectory.settingsName)) has damaged ids")
        }
        self.directory = directory
        self.settings = settings
        self.key = key
        self.clusterID = clusterID
        self.nodeID = nodeID
        self.url = try StoreOpening.url(settings, in: directory)
    }

    /// Reads the directory.
    ///
    /// - Throws: `OperationError` when it holds no node, or a damaged one.
    static func open(_ directory: DataDirectory) async throws -> Workplace {
        try directory.check()
        let settings = try await NodeSettings.load(from: directory, environment: environment)
        guard let key = try ClusterKey.load(from: directory) else {
            throw OperationError(
                .configuration, "\(directory.file(DataDirectory.keyName)) is missing; restore it from a copy")
        }
        return try Workplace(directory, settings, key)
    }

    /// Opens the directory and its store, runs `body`, closes the store.
    static func operate<T>(
        _ directory: DataDirectory, _ body: (OperatorSession, Workplace) async throws -> T
    ) async throws -> T {
        let workplace = try await open(directory)
        let backend = try await StoreOpening.open(workplace)
        let session = OperatorSession(
            backend: backend, clusterID: workplace.clusterID, key: workplace.key, actor: currentActor)
        do {
            try await session.checkCluster()
            let answer = try await body(session, workplace)
            await backend.close()
            return answer
        } catch {
            await backend.close()
            throw error
        }
    }

    /// The process's environment.
    static var environment: [String: String] { ProcessInfo.processInfo.environment }

    /// Who runs the command, for the audit log: the login name, also behind sudo, and the machine.
    static var currentActor: AuditActor {
        let behind = environment["SUDO_USER"].flatMap { $0.isEmpty ? nil : $0 }
        let own = getpwuid(getuid()).flatMap { $0.pointee.pw_name }.map { String(cString: $0) }
        let name = behind ?? own ?? "uid \(getuid())"
        return AuditActor(kind: .operator, name: String("\(name)@\(LinuxHostProbe().hostName())".prefix(200)))
    }
}
