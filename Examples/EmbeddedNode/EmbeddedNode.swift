import ClusterCore
import ClusterOperations
import Logging
import NodeRuntime
import ServiceLifecycle
import StorageBackends
import StorageSQL
import UnixSignals

/// A service of one's own with a VPN node inside, and a task beside it that reads the same store.
///
/// Takes the data directory of a node that `asnode init` made; needs root or `CAP_NET_ADMIN`.
@main
struct EmbeddedNode {
    static func main() async throws {
        let logger = Logger(label: "embedded-node")
        let directory = DataDirectory(path: CommandLine.arguments.dropFirst().first ?? "var")
        let settings = try await NodeSettings.load(from: directory, environment: [:])
        guard let key = try ClusterKey.load(from: directory), let cluster = ClusterID(settings.clusterID),
            let identity = NodeID(settings.nodeID)
        else { throw DirectoryWithoutNode(path: directory.path) }

        // Any database: what node.yaml names, else the file beside it.
        let url = try settings.databaseURL.map { try DatabaseURL($0) }
        let backend = try await (url ?? DatabaseURL(file: directory.file(DataDirectory.databaseName))).open(
            .existing, options: DatabaseOptions(authenticator: ClusterRowAuthenticator(key: key, clusterID: cluster)))
        let node = VPNNode(
            configuration: NodeConfiguration(
                nodeID: identity, clusterID: cluster, clusterKey: key, listeners: settings.listen),
            backend: backend, logger: logger)
        try await ServiceGroup(
            services: [node, Census(backend: backend, logger: logger)],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
        ).run()
        await backend.close()
    }
}

/// Says every ten seconds who is connected: stands for whatever else a service does with the store.
struct Census: Service {
    let backend: any StorageBackend
    let logger: Logger

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: .seconds(10))
                let sessions = try await backend.read { reader in
                    try reader.sessions.sessions(after: nil, limit: StorageLimits.pageRows)
                }
                logger.info("connected: \(sessions.rows.map(\.userName).joined(separator: ", "))")
            }
        }
    }
}

/// There is no node in the directory.
struct DirectoryWithoutNode: Error, CustomStringConvertible {
    let path: String
    var description: String { "there is no node in \(path): make one with asnode --data \(path) init" }
}
