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
            if let earlier = try enter() {
                connection.rollback()
                return .committedBefore(attempt: earlier)
            }
            let value = try runBody(body)
            return try commit(value)
        } catch {
            connection.rollback()
            return attempt.isResolving && !Self.isTransient(error) ? settle(after: error) : .failed(error)
        }
    }

    private func runBody<Value>(_ body: (any StorageWriter) throws -> Value) throws -> Value {
        let transaction = self.transaction
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

    private var transaction: SQLTransaction {
        SQLTransaction(
            connection, mode: .write, authenticator: options.authenticator, random: options.environment.random)
    }

    /// Makes sure that the store is in the phase that the writer expects, and writes the marker row where the database
    /// needs one; both in one statement.
    ///
    /// - Returns: The number of an earlier try when that one turns out to be committed.
    private func enter() throws -> Int? {
        guard !connection.dialect.tellsCommitOutcome else {
            let row = try connection.rows("SELECT phase FROM store_state WHERE id = ?", [.integer(1)]).first
            if row != [.text(phase.rawValue)] { throw try refusal() }
            return nil
        }
        if attempt.isResolving, let earlier = try committedAttempt() { return earlier }
        if attempt.marker.bytes.last == 0 { try removeOldMarkers() }
        do {
            let count = try mark(
                attempt.number, " FROM store_state WHERE id = ? AND phase = ?", [.integer(1), .text(phase.rawValue)])
            if count == 0 { throw try refusal() }
            return nil
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

    /// Writes the marker row, if `source` gives a row.
    private func mark(_ number: Int, _ source: String = "", _ values: [SQLValue] = []) throws -> Int {
        let (time, bound) = try time()
        return try connection.execute(
            "INSERT INTO commit_markers (id, attempt, at) SELECT ?, ?, \(time)\(source)",
            [.blob(attempt.marker.bytes), .integer(Int64(number))] + bound + values)
    }

    private func removeOldMarkers() throws {
        let (time, bound) = try time()
        try connection.execute(
            "DELETE FROM commit_markers WHERE at < \(time) - \(Self.markerLife.wholeMicroseconds)", bound)
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
