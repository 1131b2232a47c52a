internal import ClusterCore

extension SQLTransaction {
    /// Whether the store takes writes.
    ///
    /// A store is made ready, before there is a key; so that it is ready needs no authentication code. Who moves it
    /// elsewhere, and where to, does.
    func state() throws -> StoreState {
        guard let row = try rows("SELECT phase, since FROM store_state WHERE id = ?", [.integer(1)]).first else {
            throw Self.noState
        }
        if row.count == 2, row[0] == .text(StoreState.Phase.ready.rawValue), case .integer(let since) = row[1] {
            return StoreState(phase: .ready, since: Timestamp(microseconds: since))
        }
        guard let row = try one(StateRow.self, where: "id = ?", [.integer(1)]) else { throw Self.noState }
        return row.state
    }

    static var noState: StorageError {
        StorageError(
            .malformedRow, "the table store_state lacks its row", advice: "restore the database from a backup")
    }
}
