public import VPNFormats

/// Reads the rows of nodes.
public protocol NodeReader {
    /// The node with an id, or `nil`.
    func node(_ id: NodeID) throws -> Node?
    /// The node of a name that is not removed, or `nil`.
    func node(named name: String) throws -> Node?
    /// All nodes in the order of their names, removed ones among them.
    func nodes() throws -> [Node]
}

/// Writes the rows of nodes: no configuration, so no revision and no audit entry.
///
/// A node shows its ``NodeLease`` with each of its transactions. The row is written only if the lease is the stored
/// one, so a process that does not know of a newer epoch (a cloned disk, a paused machine) is stopped, and two
/// transactions of one node cannot both commit on one generation.
public protocol NodeStore: NodeReader {
    /// Adds a node.
    ///
    /// - Throws: ``StorageError/Code/constraint(_:)`` `node.id`, `node.name`, or `node.subnet` when a subnet overlaps
    ///   another node's.
    func add(_ node: Node) throws

    /// Begins the next epoch of a node, at its start: generation 0, a new start time.
    ///
    /// - Parameters:
    ///   - id: The node.
    ///   - epoch: The epoch that was read; the stored one must be the same.
    ///   - hostname: The host name of the machine now.
    ///   - softwareVersion: The version of the program now.
    /// - Returns: The node as stored.
    /// - Throws: ``StorageError/Code/fenced`` when another process began an epoch meanwhile or the node was removed;
    ///   ``StorageError/Code/notFound``.
    func beginEpoch(of id: NodeID, after epoch: Int64, hostname: String, softwareVersion: String) throws -> Node

    /// Renews a node's row: the next generation, seen now. Every transaction of a running node does this first.
    ///
    /// - Returns: The lease to show next time.
    /// - Throws: ``StorageError/Code/fenced`` when the stored epoch or generation is another, or the node was removed.
    func renew(_ lease: NodeLease) throws -> NodeLease

    /// Says that a node has stopped: it is in the way of no migration any more. Its next epoch takes that back.
    ///
    /// - Throws: ``StorageError/Code/fenced`` when the stored epoch or generation is another, or the node was removed.
    func stop(_ lease: NodeLease) throws

    /// Gives a node its client subnets, in place of those it has.
    ///
    /// - Throws: ``StorageError/Code/constraint(_:)`` `node.subnet` when one overlaps another node's;
    ///   ``StorageError/Code/notFound``.
    func setSubnets(_ subnets: [IPPrefix], of id: NodeID) throws

    /// Sets whether a node takes part. A removed node loses its subnets and stays removed.
    ///
    /// - Throws: ``StorageError/Code/notFound``; ``StorageError/Code/fenced`` when it was removed before.
    func setState(_ state: Node.State, of id: NodeID) throws
}

extension NodeStore {
    /// Renews the row and no more, which is right for a store that has no migrations.
    public func stop(_ lease: NodeLease) throws { _ = try renew(lease) }
}
