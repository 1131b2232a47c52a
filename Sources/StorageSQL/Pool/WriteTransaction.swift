internal import ClusterCore

/// One try of a write on a connection.
struct WriteTransaction {
    /// Marker rows are of no use any more after this time.
    private static let markerLife = Duration.seconds(86_400)

    let connection: any SQLConnection
    let options: SQLBackend.Options
    let attempt: WriteAttempt

    /// Runs the body between `BEGIN` and `COMMIT`.
    func run<Value>(_ body: (any StorageWriter) throws -> Value) -> WriteOutcome<Value> {
        do {
            try connection.begin(.write)
            if let earlier = try markEarlier() {
                connection.rollback()
                return .committedBefore(attempt: earlier)
            }
        } catch {
            connection.rollback()
            return .failed(error)
        }
        do {
            let value = try runBody(body)
            return try commit(value)
        } catch {
            connection.rollback()
            return attempt.isResolving && !Self.isTransient(error) ? settle(after: error) : .failed(error)
        }
    }

    private func runBody<Value>(_ body: (any StorageWriter) throws -> Value) throws -> Value {
        let transaction = SQLTransaction(
            connection, mode: .write, authenticator: options.authenticator, random: options.environment.random)
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

    /// Writes the marker row, where the database needs one.
    ///
    /// - Returns: The number of an earlier try when that one turns out to be committed.
    private func markEarlier() throws -> Int? {
        guard !connection.dialect.tellsCommitOutcome else { return nil }
        if attempt.isResolving, let earlier = try committedAttempt() { return earlier }
        let now = try connection.serverTime()
        if attempt.marker.bytes.last == 0 {
            try connection.execute(
                "DELETE FROM commit_markers WHERE at < ?", [.integer((now - Self.markerLife).microseconds)])
        }
        do {
            try mark(attempt.number, at: now)
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
            try mark(0, at: try connection.serverTime())
            try connection.commit()
            return .settled(error)
        } catch {
            connection.rollback()
            // Unknown still: the next try begins by looking again.
            return .failed(StorageError(.conflict, "an earlier try could not be settled"))
        }
    }

    private func mark(_ number: Int, at time: Timestamp) throws {
        try connection.execute(
            "INSERT INTO commit_markers (id, attempt, at) VALUES (?, ?, ?)",
            [.blob(attempt.marker.bytes), .integer(Int64(number)), .integer(time.microseconds)])
    }

    /// Whether a failure is one after which the body is run again anyway.
    private static func isTransient(_ error: any Error) -> Bool {
        guard let error = error as? StorageError else { return false }
        return error.code == .conflict || error.code == .busy || error.code == .connectionLost
    }
}
