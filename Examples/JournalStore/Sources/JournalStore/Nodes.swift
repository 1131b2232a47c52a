internal import ClusterCore
internal import VPNFormats

/// Nodes and their subnets.
struct Nodes: NodeStore {
    let transaction: Transaction

    func node(_ id: NodeID) throws -> Node? { try transaction.reading().nodes[id] }

    func node(named name: String) throws -> Node? {
        try nodes().first { $0.state != .removed && Tables.Name($0.name) == Tables.Name(name) }
    }

    func nodes() throws -> [Node] {
        try transaction.reading().nodes.values.sorted { left, right in
            left.name == right.name ? left.id < right.id : Array(left.name.utf8).precedes(Array(right.name.utf8))
        }
    }

    func add(_ node: Node) throws {
        try transaction.writing { tables in
            guard (1...63).contains(node.name.utf8.count) else {
                throw StorageError(.invalid, "the name of a node has 1 to 63 bytes")
            }
            guard tables.nodes[node.id] == nil else { throw StorageError.rule("node.id") }
            guard try self.node(named: node.name) == nil else { throw StorageError.rule("node.name") }
            try checkFree(node.subnets, for: node.id, in: tables)
            transaction.put(.node(node))
        }
    }

    func beginEpoch(of id: NodeID, after epoch: Int64, hostname: String, softwareVersion: String) throws -> Node {
        try change(id) { node in
            guard node.epoch == epoch, node.state != .removed else { throw Self.fenced }
            node.epoch += 1
            node.generation = 0
            node.hostname = hostname
            node.softwareVersion = softwareVersion
            node.startedAt = transaction.time
            node.lastSeenAt = transaction.time
        }
    }

    func renew(_ lease: NodeLease) throws -> NodeLease {
        try change(lease.node) { node in
            guard node.lease == lease, node.state != .removed else { throw Self.fenced }
            node.generation += 1
            node.lastSeenAt = transaction.time
        }.lease
    }

    func setSubnets(_ subnets: [IPPrefix], of id: NodeID) throws {
        try change(id) { node in
            try checkFree(subnets, for: id, in: transaction.tables)
            node.subnets = subnets
        }
    }

    func setState(_ state: Node.State, of id: NodeID) throws {
        try change(id) { node in
            guard node.state != .removed || state == .removed else { throw Self.fenced }
            node.state = state
            if state == .removed { node.subnets = [] }
        }
    }

    @discardableResult
    private func change(_ id: NodeID, _ body: (inout Node) throws -> Void) throws -> Node {
        try transaction.writing { tables in
            guard var node = tables.nodes[id] else { throw StorageError.missing("node") }
            try body(&node)
            transaction.put(.node(node))
            return node
        }
    }

    private func checkFree(_ subnets: [IPPrefix], for id: NodeID, in tables: Tables) throws {
        let others = tables.nodes.values.filter { $0.id != id }.flatMap(\.subnets)
        for (index, subnet) in subnets.enumerated() {
            let taken = others.contains { $0.overlaps(subnet) } || subnets[..<index].contains { $0.overlaps(subnet) }
            guard !taken else { throw StorageError.rule("node.subnet") }
        }
    }

    private static var fenced: StorageError {
        StorageError(
            .fenced, "another process runs as this node, or it was removed", advice: "stop it, or join it anew")
    }
}
