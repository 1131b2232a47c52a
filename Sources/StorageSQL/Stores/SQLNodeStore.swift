internal import ClusterCore
internal import VPNFormats

/// Nodes and their subnets in their tables.
struct SQLNodeStore: NodeStore {
    let transaction: SQLTransaction

    func node(_ id: NodeID) throws -> Node? {
        try withSubnets(transaction.one(NodeRow.self, where: "id = ?", [.blob(id.bytes)]))
    }

    func node(named name: String) throws -> Node? {
        try withSubnets(transaction.one(NodeRow.self, where: "live_name = ?", [.text(name)]))
    }

    func nodes() throws -> [Node] {
        let rows = try transaction.all(NodeRow.self, "ORDER BY name, id LIMIT \(StorageLimits.batchRows)")
        let subnets = try self.subnets()
        if let rejected = rows.rejected.first {
            throw StorageError(.malformedRow, "\(rejected)", advice: "restore the row from a backup")
        }
        return rows.value.map { row in
            var node = row.node
            node.subnets = subnets.filter { $0.node == node.id }.map(\.prefix)
            return node
        }
    }

    func add(_ node: Node) throws {
        guard (1...63).contains(node.name.utf8.count) else {
            throw StorageError(.invalid, "the name of a node has 1 to 63 bytes")
        }
        try transaction.insert(NodeRow(node, newestSchema: nil))
        try replaceSubnets(of: node.id, with: node.subnets)
    }

    func beginEpoch(
        of id: NodeID, after epoch: Int64, hostname: String, softwareVersion: String
    ) throws -> Node {
        guard var node = try node(id) else { throw Self.notFound }
        guard node.epoch == epoch, node.state != .removed else { throw Self.fenced(node) }
        let now = try transaction.now()
        node.epoch += 1
        node.generation = 0
        node.hostname = hostname
        node.softwareVersion = softwareVersion
        node.startedAt = now
        node.lastSeenAt = now
        let row = NodeRow(node, newestSchema: Int64(Schema.steps.count))
        let count = try transaction.update(row, where: "id = ? AND epoch = ?", [.blob(id.bytes), .integer(epoch)])
        guard count == 1 else { throw Self.fenced(node) }
        return node
    }

    func renew(_ lease: NodeLease) throws -> NodeLease {
        let next = NodeLease(node: lease.node, epoch: lease.epoch, generation: lease.generation + 1)
        let now = try transaction.timeExpression()
        let count = try transaction.execute(
            """
            UPDATE nodes SET generation = ?, last_seen_at = \(now.text)
            WHERE id = ? AND epoch = ? AND generation = ? AND live_name IS NOT NULL
            """,
            [.integer(next.generation)] + now.values
                + [.blob(lease.node.bytes), .integer(lease.epoch), .integer(lease.generation)])
        guard count == 1 else { throw Self.fenced(try node(lease.node)) }
        return next
    }

    func stop(_ lease: NodeLease) throws {
        _ = try renew(lease)
        try transaction.execute("UPDATE nodes SET newest_schema = NULL WHERE id = ?", [.blob(lease.node.bytes)])
    }

    func setSubnets(_ subnets: [IPPrefix], of id: NodeID) throws {
        guard try node(id) != nil else { throw Self.notFound }
        try replaceSubnets(of: id, with: subnets)
    }

    func setState(_ state: Node.State, of id: NodeID) throws {
        guard var row = try transaction.one(NodeRow.self, where: "id = ?", [.blob(id.bytes)]) else {
            throw Self.notFound
        }
        if row.node.state == state { return }
        guard row.node.state != .removed else { throw Self.fenced(row.node) }
        row.node.state = state
        _ = try transaction.update(row, where: "id = ?", [.blob(id.bytes)])
        if state == .removed { try replaceSubnets(of: id, with: []) }
    }

    /// Writes the subnets of a node. All who do write one row, so that two who chose overlapping ones at once clash on
    /// databases that certify written rows alone.
    private func replaceSubnets(of id: NodeID, with subnets: [IPPrefix]) throws {
        try transaction.execute("UPDATE counters SET value = value + 1 WHERE name = ?", [.text("node-subnets")])
        let others = try self.subnets().filter { $0.node != id }
        let clash = subnets.contains { mine in others.contains { $0.prefix.overlaps(mine) } }
        let overlap = subnets.indices.contains { index in
            subnets[..<index].contains { $0.overlaps(subnets[index]) }
        }
        guard !clash, !overlap else { throw ConstraintNames.violation(of: "node.subnet") }
        try transaction.execute("DELETE FROM node_subnets WHERE node_id = ?", [.blob(id.bytes)])
        for prefix in subnets { try transaction.insert(SubnetRow(prefix: prefix, node: id)) }
    }

    private func subnets() throws -> [SubnetRow] {
        let rows = try transaction.all(SubnetRow.self, "ORDER BY prefix LIMIT \(StorageLimits.batchRows)")
        if let rejected = rows.rejected.first {
            throw StorageError(.malformedRow, "\(rejected)", advice: "restore the row from a backup")
        }
        return rows.value
    }

    private func withSubnets(_ row: NodeRow?) throws -> Node? {
        guard var node = row?.node else { return nil }
        node.subnets = try subnets().filter { $0.node == node.id }.map(\.prefix)
        return node
    }

    private static var notFound: StorageError {
        StorageError(.notFound, "the cluster has no such node")
    }

    private static func fenced(_ node: Node?) -> StorageError {
        guard let node else { return notFound }
        guard node.state != .removed else {
            return StorageError(
                .fenced, "the node was removed from the cluster", advice: "make or join it anew under another id")
        }
        return StorageError(
            .fenced, "another process runs as this node",
            advice: "stop it: a data directory or disk image may be used by one node at a time")
    }
}
