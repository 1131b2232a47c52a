public import ClusterCore

/// Copies a cluster from one store to another, of any kind, and leaves the first one behind.
///
/// 1. The source is marked as *moving* to the target, in one transaction: from then on it takes no writes, and running
///    nodes go on as when the database is away.
/// 2. The empty target is marked as *importing*, filled page by page, and counted and checksummed against the source.
/// 3. The target is *ready*, with a new lineage, in one transaction.
///
/// Whatever breaks it off, ``run()`` goes on where it was, and ``abort(losingTarget:)`` undoes it as long as the target is not ready.
/// Live sessions, leases, remembered addresses and the rows of nodes stay behind; the row of the node that is named
/// comes along with its name and subnets and with the next epoch, so that it can start on the target, and a process
/// that still runs on the old epoch cannot write there.
public struct StoreCopy: Sendable {
    /// One of the two stores.
    public struct Place: Sendable {
        /// Its URL without a password.
        public var name: String
        /// Opens it. When `creating`, an empty database gets the tables; one that is there already is never migrated.
        public var open: @Sendable (_ creating: Bool) async throws -> any StorageBackend

        /// Makes a place of its parts, which are explained at the properties.
        public init(
            name: String, open: @escaping @Sendable (_ creating: Bool) async throws -> any StorageBackend
        ) {
            self.name = name
            self.open = open
        }
    }

    /// What was copied, or would be.
    public struct Outcome: Sendable, Hashable {
        /// One table.
        public struct Table: Sendable, Hashable {
            /// Its name.
            public var name: String
            /// How many rows it has.
            public var rows: Int
        }

        /// The tables.
        public var tables: [Table]
        /// Whether an earlier run that was broken off was carried on.
        public var isResumed: Bool
        /// Whether there was nothing left to copy: an earlier run had ended.
        public var wasComplete: Bool

        /// The number of all rows.
        public var rows: Int { tables.reduce(0) { $0 + $1.rows } }
    }

    /// The steps after which a run can be broken off, for tests.
    package enum Step: Hashable, Sendable {
        case checked, markedSource, markedTarget, loadedPage, loaded, verified, finished
    }

    private let source: Place
    private let target: Place
    private let node: NodeID?
    private let actor: AuditActor
    private let report: MoveProgress.Report
    /// Called after each step; what it throws breaks the run off there.
    package var afterStep: @Sendable (Step) throws -> Void = { _ in }

    /// - Parameters:
    ///   - source: Where the cluster is.
    ///   - target: Where it shall be: an empty database.
    ///   - node: The node that will run on the target; its row comes along if the source has one.
    ///   - actor: Who copies, for the audit log.
    ///   - report: Takes the progress.
    public init(
        from source: Place, to target: Place, node: NodeID?, actor: AuditActor,
        report: @escaping MoveProgress.Report = { _ in }
    ) {
        self.source = source
        self.target = target
        self.node = node
        self.actor = actor
        self.report = report
    }

    /// Copies, or goes on with a copy that was broken off.
    ///
    /// - Throws: `OperationError`: `alreadyExists` when the target is not empty, `configuration` when the stores are not
    ///   what they should be, `badData` when the checksums differ; what the stores throw. All can be run again.
    public func run() async throws -> Outcome {
        try await withStore(source, creating: false) { source in
            let facts = try await SourceFacts(source, node: node)
            try await checkSchema()
            return try await withStore(self.target, creating: true) { target in
                try await copy(source, facts, target)
            }
        }
    }

    /// What a run would do; writes nothing.
    ///
    /// - Throws: As ``run()``.
    public func plan() async throws -> Outcome {
        try await withStore(source, creating: false) { source in
            let facts = try await SourceFacts(source, node: node)
            guard try await checkSchema() else { return facts.outcome(of: source, resumed: false) }
            return try await withStore(self.target, creating: false) { target in
                let start = try await self.start(facts, target)
                return facts.outcome(of: source, resumed: start.isResumed, complete: start.finding == .finished)
            }
        }
    }

    private func copy(
        _ source: any PortableStorage, _ facts: SourceFacts, _ target: any PortableStorage
    ) async throws -> Outcome {
        let start = try await start(facts, target)
        let filling = ContentImport(target: target, mark: start.mark)
        let outcome = facts.outcome(of: source, resumed: start.isResumed, complete: start.finding == .finished)
        if outcome.wasComplete { return outcome }
        try afterStep(.checked)
        if facts.state.phase == .ready {
            let text = ImportMark(place: self.target.name, id: start.mark.id).text
            try await source.write { try $0.setState(.moving, target: text) }
        }
        try afterStep(.markedSource)
        // What was read before the source was marked may have changed since.
        let facts = try await SourceFacts(source, node: node)
        if start.finding == .empty { try await filling.begin() }
        try afterStep(.markedTarget)
        for table in source.content { try await load(table, facts, from: source, into: filling) }
        try afterStep(.loaded)
        for table in source.content { try await verify(table, source, target) }
        try afterStep(.verified)
        try await confirm(start.mark, source)
        try await finish(filling, facts)
        try afterStep(.finished)
        return facts.outcome(of: source, resumed: start.isResumed)
    }

    /// Fills one table from where it is. The next page is read while one is written.
    private func load(
        _ table: ContentTable, _ facts: SourceFacts, from source: any PortableStorage, into filling: ContentImport
    ) async throws {
        let total = facts.rows[table.name]
        var (key, loaded) = try await filling.target.readContent { reader in
            (try reader.lastKey(of: table), try reader.rowCount(of: table))
        }
        var page = try await Self.page(of: table, after: key, source)
        while !page.rows.isEmpty {
            key = page.rows.last.map(table.key)
            let (current, position) = (page, key)
            async let next = current.isLast ? nil : Self.page(of: table, after: position, source)
            try await filling.load(current.rows, into: table)
            loaded += current.rows.count
            report(MoveProgress(stage: .copying, table: table.name, rows: loaded, total: total))
            try afterStep(.loadedPage)
            guard let following = try await next else { return }
            page = following
        }
    }

    private static func page(
        of table: ContentTable, after key: [ContentRow.Value]?, _ source: any PortableStorage
    ) async throws -> ContentPage {
        try await source.readContent { try $0.page(of: table, after: key) }
    }

    private func verify(
        _ table: ContentTable, _ source: any PortableStorage, _ target: any PortableStorage
    ) async throws {
        async let there = source.readContent { try $0.sum(of: table) }
        let here = try await target.readContent { try $0.sum(of: table) }
        let expected = try await there
        guard here == expected else {
            throw OperationError(
                .badData,
                "the table \(table.name) is not the same in both databases (\(expected); \(here)); the copy was not put "
                    + "into use: undo it with --abort and copy again")
        }
        report(MoveProgress(stage: .verifying, table: table.name, rows: here.rows, total: here.rows))
    }

    /// Makes sure that nobody undid the copy meanwhile: else both stores would take writes.
    private func confirm(_ mark: ImportMark, _ source: any PortableStorage) async throws {
        let state = try await source.read { try $0.state() }
        guard state.phase == .moving, ImportMark(state.target)?.id == mark.id else {
            throw OperationError(
                .tryLater, "the copy was undone meanwhile; \(target.name) is not used: empty it with --abort")
        }
    }

    private func finish(_ filling: ContentImport, _ facts: SourceFacts) async throws {
        var random = SystemRandomNumberGenerator()
        var node = facts.node
        node?.epoch += 1
        node?.generation = 0
        let (lineage, moved) = (LineageID(using: &random), node)
        try await filling.finish(after: facts.revision.number, .copyStore, by: actor, lineage: lineage) { writer in
            if let moved { try writer.nodes.add(moved) }
        }
    }
}

// MARK: - Where to begin

extension StoreCopy {
    private struct Start {
        var mark: ImportMark
        var finding: ContentImport.Finding
        var isResumed: Bool
    }

    /// Decides by the states of both stores how to go on.
    private func start(_ facts: SourceFacts, _ target: any PortableStorage) async throws -> Start {
        switch facts.state.phase {
        case .importing:
            throw OperationError(
                .configuration, "\(source.name) is being filled itself; end or undo that first (--abort)")
        case .moving:
            let wanted = ImportMark(place: self.target.name, id: "").place
            guard let goal = ImportMark(facts.state.target), goal.place == wanted else {
                let place = ImportMark(facts.state.target)?.place ?? "another database"
                throw OperationError(
                    .configuration,
                    "\(source.name) moves to \(place); name that one, or undo that move first (--abort)")
            }
            return try await start(facts, target, mark: ImportMark(place: source.name, id: goal.id), isResumed: true)
        case .ready:
            var random = SystemRandomNumberGenerator()
            let mark = ImportMark(place: source.name, using: &random)
            return try await start(facts, target, mark: mark, isResumed: false)
        }
    }

    private func start(
        _ facts: SourceFacts, _ target: any PortableStorage, mark: ImportMark, isResumed: Bool
    ) async throws -> Start {
        let finding = try await ContentImport(target: target, mark: mark).finding()
        switch finding {
        case .empty: break
        case .importing(let found?) where found.id == mark.id: break
        case .finished: break
        case .importing:
            throw OperationError(
                .alreadyExists,
                "\(self.target.name) holds what another copy or restore left; empty it with --abort, or name another")
        case .occupied(facts.cluster, facts.revision):
            throw OperationError(.invalidArgument, "the target is the same database as the source; nothing was changed")
        case .occupied:
            throw OperationError(
                .alreadyExists, "\(self.target.name) is not empty; name an empty database; nothing was changed")
        }
        return Start(mark: mark, finding: finding, isResumed: isResumed)
    }

    /// Makes sure that a target that has tables has those of this version.
    ///
    /// - Returns: Whether it has tables.
    @discardableResult
    private func checkSchema() async throws -> Bool {
        do {
            return try await withStore(target, creating: false) { _ in true }
        } catch let error as StorageError where error.code == .notFound {
            return false
        } catch let error as StorageError where error.code == .schemaTooOld {
            throw OperationError(
                .alreadyExists, "\(target.name) holds a store of an older version; name an empty database")
        }
    }

    func withStore<T>(
        _ place: Place, creating: Bool, _ body: (any PortableStorage) async throws -> T
    ) async throws -> T {
        let backend = try await place.open(creating)
        do {
            let value = try await body(try backend.portable())
            await backend.close()
            return value
        } catch {
            await backend.close()
            throw error
        }
    }
}

// MARK: - Undoing

extension StoreCopy {
    /// Undoes a copy that is not complete: the target is emptied, the source takes writes again.
    ///
    /// - Parameter losingTarget: Gives the source back without looking at the target: right only when the target is gone
    ///   for good, as it may be complete and in use.
    /// - Returns: Whether there was anything to undo.
    /// - Throws: `OperationError` with `configuration` when the copy is complete; what the stores throw.
    public func abort(losingTarget: Bool = false) async throws -> Bool {
        try await withStore(source, creating: false) { source in
            let (state, cluster) = try await source.read { (try $0.state(), try? $0.config.cluster()?.id) }
            let mark = state.phase == .moving ? ImportMark(state.target) : nil
            if let mark, mark.place != ImportMark(place: self.target.name, id: "").place {
                throw OperationError(
                    .configuration, "\(self.source.name) moves to \(mark.place); name that one with --to")
            }
            let emptied = losingTarget ? false : try await emptyTarget(mark, cluster)
            guard state.phase == .moving else { return emptied }
            try await source.write(in: .moving) { writer in
                guard try writer.reader.state().target == state.target else {
                    throw OperationError(.tryLater, "another copy has begun meanwhile; look which one is wanted")
                }
                try writer.setState(.ready, target: nil)
            }
            return true
        }
    }

    private func emptyTarget(_ mark: ImportMark?, _ cluster: ClusterID?) async throws -> Bool {
        guard try await checkSchema() else {
            // A copy that marked its source has made its target's tables before.
            guard mark == nil else { throw missingTarget }
            return false
        }
        return try await withStore(target, creating: false) { target in
            let own = ImportMark(place: source.name, id: mark?.id ?? "")
            switch try await ContentImport(target: target, mark: own).finding() {
            case .finished where mark != nil, .occupied(cluster, _) where mark != nil:
                throw OperationError(
                    .configuration,
                    "the copy is complete: the cluster is in \(self.target.name) now; to go back, copy it from there")
            case .importing(let found?) where mark == nil ? found.place == own.place : found.id == own.id:
                let left = ContentImport(target: target, mark: found)
                try await left.empty(report)
                try await left.cancel()
                return true
            case .importing:
                throw OperationError(
                    .configuration, "\(self.target.name) is filled by another copy or restore; undo that one instead")
            case .occupied where mark != nil:
                throw missingTarget
            case .empty, .finished, .occupied:
                return false
            }
        }
    }

    private var missingTarget: OperationError {
        OperationError(
            .configuration,
            "the target of the copy is not at \(target.name): it may be complete and in use where it is now; make it "
                + "reachable, or say --target-lost if it is gone for good")
    }
}

/// What the source is at one moment.
private struct SourceFacts: Sendable {
    var state: StoreState
    var cluster: ClusterID
    var revision: Revision
    var node: Node?
    var rows: [String: Int]

    init(_ source: any PortableStorage, node: NodeID?) async throws {
        let tables = source.content
        self = try await source.readContent { reader in
            let state = try reader.state()
            guard state.phase != .importing else {
                throw OperationError(
                    .configuration, "the database to copy from is being filled itself; end or undo that first")
            }
            guard let cluster = try reader.config.cluster() else {
                throw OperationError(.configuration, "the database to copy from holds no cluster")
            }
            let node = try node.flatMap { try reader.nodes.node($0) }
            let rows = try tables.map { ($0.name, try reader.rowCount(of: $0)) }
            return SourceFacts(
                state: state, cluster: cluster.id, revision: try reader.config.revision(),
                node: node?.state == .removed ? nil : node,
                rows: Dictionary(rows, uniquingKeysWith: { first, _ in first }))
        }
    }

    private init(state: StoreState, cluster: ClusterID, revision: Revision, node: Node?, rows: [String: Int]) {
        self.state = state
        self.cluster = cluster
        self.revision = revision
        self.node = node
        self.rows = rows
    }

    func outcome(of source: any PortableStorage, resumed: Bool, complete: Bool = false) -> StoreCopy.Outcome {
        let tables = source.content.map { StoreCopy.Outcome.Table(name: $0.name, rows: rows[$0.name] ?? 0) }
        return StoreCopy.Outcome(tables: tables, isResumed: resumed, wasComplete: complete)
    }
}
