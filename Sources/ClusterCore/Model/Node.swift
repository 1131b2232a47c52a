public import VPNFormats

/// A machine of the cluster that terminates clients.
public struct Node: Hashable, Sendable {
    /// Whether a node takes part.
    public enum State: String, Sendable, CaseIterable {
        /// Serves clients, or would if it ran.
        case active
        /// Serves the clients it has and takes no new ones.
        case draining
        /// Taken out by an operator; may write nothing any more.
        case removed
    }

    /// Names the node for ever.
    public var id: NodeID
    /// Its name, unique among nodes that are not removed, 1 to 63 bytes.
    public var name: String
    /// The host name of the machine, for people.
    public var hostname: String
    /// The version of the program that it runs.
    public var softwareVersion: String
    /// Whether it takes part.
    public var state: State
    /// Grows each time the node starts or comes back after it was taken for lost.
    public var epoch: Int64
    /// Grows with each transaction of the node within an epoch.
    public var generation: Int64
    /// The client subnets that it holds; no two nodes' overlap.
    public var subnets: [IPPrefix]
    /// When it joined.
    public var createdAt: Timestamp
    /// When its present epoch began.
    public var startedAt: Timestamp
    /// When it last wrote.
    public var lastSeenAt: Timestamp

    /// Makes a node of its parts, which are explained at the properties.
    public init(
        id: NodeID, name: String, hostname: String, softwareVersion: String, state: State = .active,
        epoch: Int64 = 0, generation: Int64 = 0, subnets: [IPPrefix] = [], createdAt: Timestamp,
        startedAt: Timestamp, lastSeenAt: Timestamp
    ) {
        self.id = id
        self.name = name
        self.hostname = hostname
        self.softwareVersion = softwareVersion
        self.state = state
        self.epoch = epoch
        self.generation = generation
        self.subnets = subnets
        self.createdAt = createdAt
        self.startedAt = startedAt
        self.lastSeenAt = lastSeenAt
    }

    /// What the node shows with each write, so that a process that does not know of a newer epoch is refused.
    public var lease: NodeLease { NodeLease(node: id, epoch: epoch, generation: generation) }
}

/// The state of a node's row as that node knows it.
public struct NodeLease: Hashable, Sendable {
    /// The node.
    public var node: NodeID
    /// Its epoch.
    public var epoch: Int64
    /// How often it wrote in that epoch.
    public var generation: Int64

    /// Makes a node lease of its parts, which are explained at the properties.
    public init(node: NodeID, epoch: Int64, generation: Int64) {
        self.node = node
        self.epoch = epoch
        self.generation = generation
    }
}
