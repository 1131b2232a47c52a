internal import ClusterCore
internal import Logging
internal import VPNEngine
internal import VPNFormats

/// What a node does before it serves: it begins a new epoch, closes what an earlier run left behind, takes its subnet,
/// and reads its first snapshot.
struct NodeStart: Sendable {
    let configuration: NodeConfiguration
    let backend: any StorageBackend
    let logger: Logger

    /// What a node begins with.
    struct Started: Sendable {
        var node: Node
        var snapshot: Snapshot
        var subnet: ClientSubnet
        var pool: AddressPool
    }

    /// The node as it stands in the audit log.
    func actor(_ node: Node) -> AuditActor { AuditActor(kind: .node, name: node.name) }

    func run() async throws -> Started {
        try await checkCluster()
        let node = try await beginEpoch()
        try await closeLeftovers(of: node)
        let key = configuration.clusterKey
        let snapshot = try await backend.read { try Snapshot.load(from: $0, key: key) }
        for problem in snapshot.problems { logger.error("\(problem)") }
        let subnet = try subnet(of: node)
        let id = configuration.nodeID
        let memory = try await backend.read {
            try $0.sessions.addressMemory(of: id, limit: StorageLimits.batchRows)
        }
        guard let pool = AddressPool(subnet: subnet, remembered: memory.value) else {
            throw NodeError(
                .configuration, "the node's client subnet has no room for a client; set client.prefix-length.ipv4 lower"
            )
        }
        return Started(node: node, snapshot: snapshot, subnet: subnet, pool: pool)
    }

    private func checkCluster() async throws {
        guard let cluster = try await backend.read({ try $0.config.cluster() }) else {
            throw NodeError(.otherCluster, "the store holds no cluster; make one: asnode init")
        }
        guard cluster.id == configuration.clusterID else {
            throw NodeError(.otherCluster, "the store holds another cluster than the one that this node belongs to")
        }
    }

    /// Takes over the node's row. From here on a process that ran as this node before can write nothing any more.
    private func beginEpoch() async throws -> Node {
        let configuration = configuration
        do {
            return try await backend.write { writer in
                guard let node = try writer.nodes.node(configuration.nodeID), node.state != .removed else {
                    throw NodeError(
                        .fenced, "the store does not have this node any more: it was removed; make or join it anew")
                }
                let wanted = try Self.subnets(for: node, writer.reader, avoiding: configuration.hostNetworks)
                if wanted != node.subnets { try writer.nodes.setSubnets(wanted, of: node.id) }
                return try writer.nodes.beginEpoch(
                    of: node.id, after: node.epoch, hostname: configuration.machineName,
                    softwareVersion: configuration.softwareVersion)
            }
        } catch let error as StorageError where error.code == .fenced {
            throw NodeError(.fenced, "another process starts as this node at the same time; let only one of them run")
        }
    }

    /// The node's subnets while they lie in the client networks and clash with nothing, else new ones.
    private static func subnets(
        for node: Node, _ reader: any StorageReader, avoiding host: [IPPrefix]
    ) throws -> [IPPrefix] {
        let settings = try reader.config.settings().value
        let networks = settings[.clientNetworks]
        let others = try reader.nodes.nodes().filter { $0.id != node.id }.flatMap(\.subnets)
        let families = Set(networks.map { $0.address.isIPv4 })
        let isUsable =
            Set(node.subnets.map { $0.address.isIPv4 }) == families
            && node.subnets.allSatisfy { subnet in
                networks.contains { $0.length <= subnet.length && $0.contains(subnet.address) }
                    && !host.contains { $0.length > 0 && $0.overlaps(subnet) }
                    && subnet.length
                        == settings[subnet.address.isIPv4 ? .clientPrefixLengthIPv4 : .clientPrefixLengthIPv6]
            }
        if isUsable { return node.subnets }
        let subnet = ClientSubnets(settings).firstFree(taken: others + host)
        guard !subnet.prefixes.isEmpty, subnet.ipv4 != nil || !families.contains(true) else {
            throw NodeError(
                .configuration,
                "the client networks have no subnet for this node that overlaps neither another node nor a network of "
                    + "this machine; add one: asnode config set client.networks")
        }
        return subnet.prefixes
    }

    /// Ends the sessions that an earlier run of this node could not end.
    private func closeLeftovers(of node: Node) async throws {
        var total = 0
        var ended = 0
        repeat {
            ended = try await backend.write {
                try $0.sessions.endSessions(
                    of: node.id, beforeEpoch: node.epoch, reason: "node-lost", limit: StorageLimits.pageRows)
            }
            total += ended
        } while ended == StorageLimits.pageRows
        if total > 0 {
            logger.notice("closed sessions that an earlier run left behind", metadata: ["sessions": "\(total)"])
        }
    }

    private func subnet(of node: Node) throws -> ClientSubnet {
        var subnet = ClientSubnet(ipv4: nil, ipv6: nil)
        for prefix in node.subnets {
            switch prefix {
            case .v4(let prefix): subnet.ipv4 = subnet.ipv4 ?? prefix
            case .v6(let prefix): subnet.ipv6 = subnet.ipv6 ?? prefix
            }
        }
        return subnet
    }
}
