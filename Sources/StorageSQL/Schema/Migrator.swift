package import ClusterCore

/// Brings a database to a schema.
package struct Migrator: Sendable {
    /// All steps, in order.
    package var steps: [Migration]
    /// The node that migrates; the others that run must be able to read the new schema.
    package var node: NodeID?
    /// Called before each step, outside of its transaction; an error ends the migration there.
    package var beforeStep: @Sendable (Migration) throws -> Void
    /// Called after each step, inside of its transaction where there is one.
    package var afterStep: @Sendable (Migration) throws -> Void

    package init(
        steps: [Migration] = Schema.steps, beforeStep: @escaping @Sendable (Migration) throws -> Void = { _ in },
        afterStep: @escaping @Sendable (Migration) throws -> Void = { _ in }
    ) {
        self.steps = steps
        self.beforeStep = beforeStep
        self.afterStep = afterStep
    }

    /// What a database needs before it can be used.
    package enum Need: Hashable, Sendable {
        /// Nothing is in it: all steps.
        case creation
        /// Some steps.
        case migration(from: Int)
        /// Nothing.
        case none
    }

    /// Finds out what a database needs, without writing to it.
    ///
    /// - Throws: `StorageError` with `foreign` when the database is something else's, `schemaTooNew` when a newer
    ///   version of the program wrote it.
    package func need(of connection: any SQLConnection) throws -> Need {
        switch try connection.inspect() {
        case .foreign(let sign):
            throw StorageError(
                .foreign, "this is not a database of asnode: \(sign)", advice: "nothing was changed; name another one")
        case .empty:
            return .creation
        case .ours:
            let applied = try self.applied(on: connection)
            try checkNotNewer(applied)
            return applied.count == steps.count ? .none : .migration(from: applied.max() ?? 0)
        }
    }

    /// Runs the steps that are missing.
    ///
    /// Each is recorded with its number, in one transaction with it where the schema is transactional, else after it;
    /// so a migration that was broken off goes on where it was, and two at once do not hurt each other.
    ///
    /// - Parameter renew: Called before each step; says that the migration goes on, where others wait for it.
    /// - Throws: As ``need(of:)``; `busy`, with its name, when a node runs that could not read the new schema; what a step
    ///   threw.
    package func migrate(_ connection: any SQLConnection, renewing renew: () throws -> Void = {}) throws {
        switch try need(of: connection) {
        case .none: return
        case .creation: break
        case .migration(let present): try checkNodes(on: connection, from: present)
        }
        for step in steps {
            try beforeStep(step)
            try renew()
            if connection.dialect.hasTransactionalSchema {
                try transaction(on: connection) { try runIfMissing(step, on: connection) }
            } else {
                try runIfMissing(step, on: connection)
            }
        }
    }

    /// Makes sure that every node which runs can read the new schema.
    ///
    /// - Parameter present: The schema that the database has.
    /// - Throws: `StorageError` with `busy` that names a node which could not.
    package func checkNodes(on connection: any SQLConnection, from present: Int) throws {
        try NodesInTheWay(connection: connection, own: node).check(from: present, to: steps.count)
    }

    private func runIfMissing(_ step: Migration, on connection: any SQLConnection) throws {
        if step.number == 1 {
            try connection.claim()
            for statement in connection.dialect.creating(Schema.journal) { try connection.execute(statement) }
        }
        guard try !applied(on: connection).contains(step.number) else { return }
        try step.run(on: connection)
        try connection.execute(
            "INSERT INTO schema_steps (number, name, applied_at) VALUES (?, ?, ?)",
            [
                .integer(Int64(step.number)), .text(step.name),
                .integer(try connection.serverTime().microseconds),
            ])
        try afterStep(step)
    }

    private func transaction(on connection: any SQLConnection, _ body: () throws -> Void) throws {
        try connection.begin(.write)
        do {
            try body()
            try connection.commit()
        } catch {
            connection.rollback()
            throw error
        }
    }

    private func applied(on connection: any SQLConnection) throws -> Set<Int> {
        let rows = try connection.rows("SELECT number FROM schema_steps")
        return Set(
            rows.compactMap { row in
                if case .integer(let number)? = row.first { Int(exactly: number) } else { nil }
            })
    }

    private func checkNotNewer(_ applied: Set<Int>) throws {
        guard let newest = applied.max(), newest > steps.count else { return }
        throw StorageError(
            .schemaTooNew,
            "the database has schema \(newest) and this version of the program knows \(steps.count)",
            advice: "use the newer version of the program; nothing was changed")
    }
}
