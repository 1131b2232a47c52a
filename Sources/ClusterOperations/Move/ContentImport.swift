internal import ClusterCore

/// Fills an empty store, step by step: marked *importing* first, *ready* in the transaction that ends it. In between
/// nobody else writes to it and no node starts on it. Every step can be interrupted and done again.
struct ContentImport: Sendable {
    let target: any PortableStorage
    let mark: ImportMark

    /// What a target is before anything is done to it.
    enum Finding: Hashable, Sendable {
        /// Nothing is in it.
        case empty
        /// It is being filled, under a mark.
        case importing(ImportMark?)
        /// It was filled under a mark and is ready.
        case finished
        /// It holds something else: this cluster at this revision, if it is one of ours.
        case occupied(ClusterID?, Revision?)
    }

    /// Looks at the target.
    func finding() async throws -> Finding {
        let mark = mark
        return try await target.readContent { reader in
            let state = try reader.state()
            switch state.phase {
            case .importing: return .importing(ImportMark(state.target))
            case .moving, .ready: break
            }
            if try reader.isEmpty() { return .empty }
            let isOurs = try reader.config.auditEntries(before: nil, limit: StorageLimits.pageRows).rows.contains {
                [.copyStore, .restoreStore].contains($0.action) && ImportMark($0.detail)?.id == mark.id
            }
            if isOurs { return .finished }
            return .occupied(try? reader.config.cluster()?.id, try? reader.config.revision())
        }
    }

    /// Marks the target, which must be empty, as being filled.
    func begin() async throws {
        let text = mark.text
        try await target.writeContent(in: .ready) { writer in
            guard try writer.content.isEmpty() else { throw Self.occupied }
            try writer.setState(.importing, target: text)
        }
    }

    /// Adds rows.
    func load(_ rows: [ContentRow], into table: ContentTable) async throws {
        guard !rows.isEmpty else { return }
        try await step { try $0.load(rows, into: table) }
    }

    /// Removes every row that was loaded.
    func empty(_ report: MoveProgress.Report) async throws {
        for table in target.content.reversed() {
            var removed = 0
            while true {
                let count = try await step { try $0.removeLastRows(of: table) }
                guard count > 0 else { break }
                removed += count
                report(MoveProgress(stage: .removing, table: table.name, rows: removed))
            }
        }
    }

    /// Gives an emptied target back.
    func cancel() async throws {
        try await step { writer in
            guard try writer.content.isEmpty() else { throw Self.occupied }
            try writer.setState(.ready, target: nil)
        }
    }

    /// Ends the import: a new lineage, the node that will run on it, ready; all at once.
    ///
    /// - Parameters:
    ///   - number: The revision that the content has.
    ///   - action: What the audit log says of it.
    ///   - actor: Who.
    ///   - lineage: The new lineage, made before.
    ///   - addNode: Writes the rows of the nodes.
    func finish(
        after number: Int64, _ action: AuditAction, by actor: AuditActor, lineage: LineageID,
        addNode: @escaping @Sendable (any StorageWriter) throws -> Void
    ) async throws {
        let text = mark.text
        try await step { writer in
            try writer.beginLineage(lineage, after: number, by: actor, action, detail: text)
            try addNode(writer)
            try writer.setState(.ready, target: nil)
        }
    }

    /// One transaction on a target that is still being filled by this very import.
    @discardableResult
    private func step<T: Sendable>(
        _ body: @escaping @Sendable (any ContentWriter) throws -> T
    ) async throws -> T {
        let id = mark.id
        return try await target.writeContent(in: .importing) { writer in
            guard try ImportMark(writer.reader.state().target)?.id == id else {
                throw OperationError(.tryLater, "another copy or restore fills the database; see which one is wanted")
            }
            return try body(writer)
        }
    }

    private static var occupied: OperationError {
        OperationError(.alreadyExists, "the database that is to be filled is not empty any more; name another one")
    }
}

extension StorageBackend {
    /// The store as one whose content can be carried.
    ///
    /// - Throws: `OperationError` with `unavailable` for a backend that cannot.
    func portable() throws(OperationError) -> any PortableStorage {
        guard let portable = self as? any PortableStorage else {
            throw OperationError(.unavailable, "the content of this kind of database cannot be carried elsewhere")
        }
        return portable
    }
}
