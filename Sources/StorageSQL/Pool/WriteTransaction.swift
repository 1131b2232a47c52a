internal import ClusterCore

/// One try of a write on a connection.
struct WriteTransaction {
    /// Marker rows are of no use any more after this time.
    private static let markerLife = Duration.seconds(86_400)

    let connection: any SQLConnection
    let options: SQLBackend.Options
    let attempt: WriteAttempt
    /// The phase that the store must be in.
    let phase: StoreState.Phase

    /// Runs the body between `BEGIN` and `COMMIT`.
    func run<Value>(_ body: (any StorageWriter) throws -> Value) -> WriteOutcome<Value> {
        do {
            try connection.begin(.write)
            switch try enter() {
            case .committedBefore(let earlier):
                connection.rollback()
                return .committedBefore(attempt: earlier)
            case .entered(let time):
                let value = try runBody(body, at: time)
                try confirm()
                return try commit(value)
            }
        } catch {
            connection.rollback()
            return attempt.isResolving && !Self.isTransient(error) ? settle(after: error) : .failed(error)
        }
    }

    /// What came of looking for earlier tries and at the store's phase.
    private enum Entry {
        /// An earlier try, of this number, turned out to be committed.
        case committedBefore(Int)
        /// The body may run; with the server's time, where it came along.
        case entered(Timestamp?)
    }

    private func runBody<Value>(
        _ body: (any StorageWriter) throws -> Value, at time: Timestamp?
    ) throws -> Value {
        let transaction = self.transaction
        transaction.note(time)
        defer { transaction.end() }
        let value = try body(SQLWriter(transaction: transaction))
        try transaction.checkCommittable()
        return value
    }

    private func commit<Value>(_ value: Value) throws -> WriteOutcome<Value> {
        do {
            try connection.commit()
            return .committed(value)
        } catch let error as StorageError where error.code == .commitUnknown {
            return .unknown(value, error)
        }
    }

    /// Makes sure that the transaction that is about to be committed is the one that the marker row was written in. A
    /// server may have given it up between two statements, and what came after would be committed alone.
    private func confirm() throws {
        guard connection.dialect.losesTransactions, try committedAttempt() != attempt.number else { return }
        throw StorageError(.conflict, "the server gave the transaction up without a word")
    }

    private var transaction: SQLTransaction {
        SQLTransaction(
            connection, mode: .write, authenticator: options.authenticator, random: options.environment.random)
    }

    /// Makes sure that the store is in the phase that the writer expects, and writes the marker row where the database
    /// needs one; both in one statement.
    private func enter() throws -> Entry {
        guard !connection.dialect.tellsCommitOutcome else {
            let row = try connection.rows("SELECT phase FROM store_state WHERE id = ?", [.integer(1)]).first
            if row != [.text(phase.rawValue)] { throw try refusal() }
            return .entered(nil)
        }
        if attempt.isResolving, let earlier = try committedAttempt() { return .committedBefore(earlier) }
        if attempt.marker.bytes.last == 0, attempt.number == 1 { try removeOldMarkers() }
        do {
            let mark = try mark(
                attempt.number, " FROM store_state WHERE id = ? AND phase = ?", [.integer(1), .text(phase.rawValue)])
            guard let mark else { throw try refusal() }
            return .entered(mark.time)
        } catch let error as StorageError where error.code.constraintName != nil && attempt.isResolving {
            // It landed while we looked. The next try finds it.
            throw StorageError(.conflict, "an earlier try was committed meanwhile", nativeCode: error.nativeCode)
        }
    }

    private func committedAttempt() throws -> Int? {
        let rows = try connection.rows("SELECT attempt FROM commit_markers WHERE id = ?", [.blob(attempt.marker.bytes)])
        guard case .integer(let number)? = rows.first?.first else { return nil }
        return Int(exactly: number)
    }

    /// Makes sure that no earlier try can be committed any more, and hands on why this one failed.
    private func settle<Value>(after error: any Error) -> WriteOutcome<Value> {
        do {
            try connection.begin(.write)
            if let earlier = try committedAttempt() {
                connection.rollback()
                return .committedBefore(attempt: earlier)
            }
            _ = try mark(0)
            try connection.commit()
            return .settled(error)
        } catch {
            connection.rollback()
            // Unknown still: the next try begins by looking again.
            return .failed(StorageError(.conflict, "an earlier try could not be settled"))
        }
    }

    /// A marker row that was written, with the server's time where the database gives it back.
    private struct Mark {
        var time: Timestamp?
    }

    /// Writes the marker row.
    ///
    /// - Returns: `nil` when `source` gives no row to write.
    private func mark(_ number: Int, _ source: String = "", _ values: [SQLValue] = []) throws -> Mark? {
        let (time, bound) = try time()
        let statement = "INSERT INTO commit_markers (id, attempt, at) SELECT ?, ?, \(time)\(source)"
        let values = [.blob(attempt.marker.bytes), .integer(Int64(number))] + bound + values
        guard connection.dialect.returnsRows else {
            return try connection.execute(statement, values) == 0 ? nil : Mark()
        }
        guard let row = try connection.rows(statement + " RETURNING at", values).first else { return nil }
        guard case .integer(let microseconds)? = row.first else { return Mark() }
        return Mark(time: Timestamp(microseconds: microseconds))
    }

    /// Removes some of those that are of no use any more: more than come meanwhile, and few enough for one write.
    private func removeOldMarkers() throws {
        let (time, bound) = try time()
        let old = try connection.rows(
            "SELECT id FROM commit_markers WHERE at < \(time) - \(Self.markerLife.wholeMicroseconds) LIMIT 500", bound)
        guard !old.isEmpty else { return }
        let places = repeatElement("?", count: old.count).joined(separator: ", ")
        try connection.execute("DELETE FROM commit_markers WHERE id IN (\(places))", old.compactMap(\.first))
    }

    /// The store's time as an expression, with the values that it needs.
    private func time() throws -> (expression: String, values: [SQLValue]) {
        if let expression = connection.dialect.serverTime { return (expression, []) }
        return ("?", [.integer(try connection.serverTime().microseconds)])
    }

    private func refusal() throws -> StorageError { try transaction.state().refusal(expecting: phase) }

    /// Whether a failure is one after which the body is run again anyway.
    private static func isTransient(_ error: any Error) -> Bool {
        guard let error = error as? StorageError else { return false }
        return error.code == .conflict || error.code == .busy || error.code == .connectionLost
    }
}
