internal import ClusterCore
internal import VPNFormats

/// A node that joins a store: its row, with the first client subnet that is free.
struct NewNode: Sendable {
    let id: NodeID
    private let name: String
    private let machine: String
    private let taken: [IPPrefix]

    /// - Parameters:
    ///   - settings: The node's settings.
    ///   - machine: The machine's host name.
    ///   - taken: Networks that its subnet must not overlap.
    /// - Throws: `OperationError` with `configuration` for settings without an id.
    init(_ settings: NodeSettings, machine: String, avoiding taken: [IPPrefix]) throws(OperationError) {
        guard let node = NodeID(settings.nodeID) else {
            throw OperationError(
                .configuration, "the ids in \(DataDirectory.settingsName) are damaged; restore the file")
        }
        id = node
        name = settings.name
        self.machine = machine
        self.taken = taken
    }

    /// Writes the row.
    func write(to writer: any StorageWriter) throws {
        let settings = try writer.config.settings().value
        let others = try writer.nodes.nodes().flatMap(\.subnets)
        let subnet = ClientSubnets(settings).firstFree(taken: taken + others)
        try Founding.checkRoom(subnet)
        let now = try writer.now()
        try writer.nodes.add(
            Node(
                id: id, name: name, hostname: machine, softwareVersion: SoftwareVersion.current,
                subnets: subnet.prefixes, createdAt: now, startedAt: now, lastSeenAt: now))
    }
}
