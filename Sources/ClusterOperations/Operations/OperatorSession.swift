public import ClusterCore

/// What every operation needs: the store, the key that unseals its secrets, and who acts.
///
/// Operations are values over any `StorageBackend`; they work whether nodes run or not, and running nodes see what they
/// change as a change of the store.
public struct OperatorSession: Sendable {
    /// The store.
    public let backend: any StorageBackend
    /// The cluster that the store must hold.
    public let clusterID: ClusterID
    /// The cluster's key.
    let key: ClusterKey
    /// Unseals and seals secrets.
    public let sealer: Sealer
    /// Who acts, for the audit log.
    public let actor: AuditActor

    /// Takes over what operations work with.
    public init(backend: any StorageBackend, clusterID: ClusterID, key: ClusterKey, actor: AuditActor) {
        self.backend = backend
        self.clusterID = clusterID
        self.key = key
        self.sealer = Sealer(key: key, clusterID: clusterID)
        self.actor = actor
    }

    /// Checks that the store holds the cluster of this node.
    ///
    /// - Throws: `OperationError` with `configuration` when it holds none or another one.
    public func checkCluster() async throws {
        guard let cluster = try await backend.read({ try $0.config.cluster() }) else {
            throw OperationError(.configuration, "the database holds no cluster; complete it: asnode init")
        }
        guard cluster.id == clusterID else {
            throw OperationError(
                .configuration,
                "the database belongs to another cluster than \(DataDirectory.settingsName) says; restore the one or the other"
            )
        }
    }

    /// Makes one change of configuration: one transaction, one revision.
    ///
    /// - Parameter body: May be run again after a conflict; gets the change and the store's time.
    func change<T: Sendable>(
        _ body: @escaping @Sendable (any ConfigurationChange, Timestamp) throws -> T
    ) async throws -> T {
        let actor = actor
        return try await backend.write { writer in
            let now = try writer.now()
            return try writer.change(by: actor) { try body($0, now) }
        }
    }
}

/// A list that was read page by page.
public struct Listing<Row: Sendable>: Sendable {
    /// The rows.
    public var rows: [Row]
    /// Rows that could not be used; for a warning.
    public var rejected: [RejectedRow]

    /// A list and what was left out of it.
    public init(rows: [Row], rejected: [RejectedRow]) {
        self.rows = rows
        self.rejected = rejected
    }

    /// Reads pages until the last one, or until there are as many rows as one wants.
    static func gather<Position: Sendable>(
        limit: Int = .max, _ page: (Position?) throws -> Page<Row, Position>
    ) rethrows -> Listing<Row> {
        var all = Listing(rows: [], rejected: [])
        var position: Position?
        repeat {
            let next = try page(position)
            all.rows += next.rows
            all.rejected += next.rejected
            position = next.next
        } while position != nil && all.rows.count < limit
        if all.rows.count > limit { all.rows.removeLast(all.rows.count - limit) }
        return all
    }
}
