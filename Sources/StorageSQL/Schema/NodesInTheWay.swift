internal import ClusterCore

/// The nodes that run and could not read the schema that a migration leads to.
///
/// A node writes into its row which schema it can read at most, when it starts, and takes that back when it stops. One
/// that ended without that counts as running for ``life`` after it was last seen, on the store's clock: that delays a
/// migration and endangers nothing. A schema from before nodes did so tells of none.
struct NodesInTheWay {
    /// How long a node counts as running after it was last seen.
    static let life = Duration.seconds(900)

    let connection: any SQLConnection
    /// The node that migrates, which is in no one's way.
    let own: NodeID?

    /// Makes sure that there are none.
    ///
    /// - Parameters:
    ///   - present: The schema that the database has.
    ///   - next: The schema that it is to get.
    /// - Throws: `StorageError` with `busy` that names the first such node.
    func check(from present: Int, to next: Int) throws {
        guard present >= 2 else { return }
        let rows = try connection.rows(
            """
            SELECT id, name, newest_schema FROM nodes
            WHERE live_name IS NOT NULL AND newest_schema < ? AND last_seen_at > ? ORDER BY name
            """, [.integer(Int64(next)), .integer((try connection.serverTime() - Self.life).microseconds)])
        for row in rows where row.count == 3 && row[0] != own.map({ .blob($0.bytes) }) {
            guard case .text(let name) = row[1], case .integer(let known) = row[2] else { continue }
            throw StorageError(
                .busy, "node \(name.bounded(bytes: 63)) runs and cannot read schema \(next), only up to \(known)",
                advice: "upgrade or stop it first; one that was not stopped cleanly counts as running for 15 minutes")
        }
    }
}
