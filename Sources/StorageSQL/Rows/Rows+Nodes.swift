internal import ClusterCore
internal import VPNFormats

/// The row of a node; its subnets are rows of their own.
struct NodeRow: StoredRow {
    static let table = "nodes"
    static let columns = [
        "id", "name", "live_name", "hostname", "software_version", "state", "epoch", "generation", "created_at",
        "started_at", "last_seen_at", "newest_schema",
    ]
    static let selection = makeSelection()

    /// The node without its subnets.
    var node: Node
    /// The newest schema that the program can read which the node runs; `nil` while it does not run.
    var newestSchema: Int64?

    /// `live_name` is the name of a node that is not removed, and unique.
    var values: [SQLValue] {
        [
            .blob(node.id.bytes), .text(node.name), node.state == .removed ? .null : .text(node.name),
            .text(node.hostname.bounded(bytes: 255)), .text(node.softwareVersion.bounded(bytes: 64)),
            .text(node.state.rawValue), .integer(node.epoch),
            .integer(node.generation), .integer(node.createdAt.microseconds), .integer(node.startedAt.microseconds),
            .integer(node.lastSeenAt.microseconds), .integer(newestSchema),
        ]
    }

    init(_ node: Node, newestSchema: Int64?) {
        self.node = node
        self.newestSchema = newestSchema
    }

    init(from row: inout RowReader) throws {
        let id = try row.identifier(Node.self)
        let name = try row.text()
        _ = try row.optionalText { $0 }
        self.init(
            Node(
                id: id, name: name, hostname: try row.text(), softwareVersion: try row.text(),
                state: try row.text { Node.State(rawValue: $0) }, epoch: try row.integer(),
                generation: try row.integer(), createdAt: try row.timestamp(), startedAt: try row.timestamp(),
                lastSeenAt: try row.timestamp()), newestSchema: try row.optionalInteger())
    }
}

/// One client subnet of a node.
struct SubnetRow: StoredRow {
    static let table = "node_subnets"
    static let columns = ["prefix", "node_id"]
    static let selection = makeSelection()

    var prefix: IPPrefix
    var node: NodeID

    var values: [SQLValue] { [.text("\(prefix)"), .blob(node.bytes)] }

    init(prefix: IPPrefix, node: NodeID) {
        self.prefix = prefix
        self.node = node
    }

    init(from row: inout RowReader) throws {
        self.init(prefix: try row.text { IPPrefix($0) }, node: try row.identifier())
    }
}
