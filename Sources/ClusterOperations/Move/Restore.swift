public import ClusterCore

/// Makes a node of a backup, on an empty machine or in place of the node that is there: its store in any empty
/// database, `cluster.key`, `node.yaml`.
///
/// Everything is made aside, in `.restore` of the data directory, and checked; what was there is moved away and the new
/// files take their names only then. The restored node is a new one to the cluster: another id, a client subnet that is
/// free, a new lineage. A run that was broken off is repeated.
public struct Restore: Sendable {
    /// What a person may choose.
    public struct Options: Sendable, Hashable {
        /// The database to restore into, which must be empty; `nil` for a new file in the data directory.
        public var databaseURL: String?
        /// Whether a node that is there is replaced; its files stay beside the new ones under other names.
        public var replaces: Bool
        /// The node's name; `nil` for the name that its settings have.
        public var nodeName: String?

        /// Makes options of their parts, which are explained at the properties.
        public init(databaseURL: String? = nil, replaces: Bool = false, nodeName: String? = nil) {
            self.databaseURL = databaseURL
            self.replaces = replaces
            self.nodeName = nodeName
        }
    }

    /// What came of it.
    public struct Outcome: Sendable {
        /// The node's settings as they are in its file.
        public var settings: NodeSettings
        /// How many rows were restored.
        public var rows: Int
        /// The files of the node that was there before, under their new names.
        public var kept: [String]
    }

    /// Opens the store that the settings name, with the cluster's key, for a directory; makes the tables in an empty one.
    public typealias Opening = @Sendable (NodeSettings, ClusterKey, DataDirectory) async throws -> any StorageBackend

    private static let stagingName = ".restore"
    private static let files = [DataDirectory.databaseName, DataDirectory.keyName, DataDirectory.settingsName]
    private static let sidecars = ["-wal", "-shm"]

    private let directory: DataDirectory
    private let probe: any HostProbe
    private let actor: AuditActor
    private let report: MoveProgress.Report
    private var staging: DataDirectory { DataDirectory(path: directory.file(Self.stagingName)) }

    /// A restore into a data directory.
    public init(
        directory: DataDirectory, probe: any HostProbe, actor: AuditActor,
        report: @escaping MoveProgress.Report = { _ in }
    ) {
        self.directory = directory
        self.probe = probe
        self.actor = actor
        self.report = report
    }

    /// Restores.
    ///
    /// - Parameters:
    ///   - contents: The backup.
    ///   - key: The cluster's key; `nil` takes the one in the data directory.
    ///   - options: What a person chose.
    ///   - open: Opens the store; the backend is closed again before this returns.
    /// - Throws: `OperationError`: `alreadyExists` when there is a node and it may not be replaced, or the database is
    ///   not empty; `tryLater` while the node runs; `configuration` when the key is not the one; `badData`; what the
    ///   store throws. The node that was there is untouched then.
    public func run(
        _ contents: BackupContents, key: ClusterKey?, _ options: Options, open: Opening
    ) async throws -> Outcome {
        try directory.create()
        let lock = try directory.lockForSetup()
        defer { withExtendedLifetime(lock) {} }
        let running = try directory.lockForRunning()
        defer { withExtendedLifetime(running) {} }
        let old = try Self.files.filter { try directory.facts(of: $0) != nil }
        guard old.isEmpty || options.replaces else {
            throw OperationError(
                .alreadyExists,
                "there is a node in \(directory.path) already; give --replace to restore in its place (its files are kept), "
                    + "or another --data directory")
        }
        let key = try self.key(key, for: contents)
        let settings = try await stage(contents, key, options)
        try await withStore(try await open(settings, key, staging)) { target in
            try await fill(target, from: contents, key: key, settings: settings)
        }
        let kept = try moveAway()
        try takePlaces()
        return Outcome(settings: settings, rows: contents.rows, kept: kept)
    }

    private func key(_ given: ClusterKey?, for contents: BackupContents) throws -> ClusterKey {
        guard let key = try given ?? ClusterKey.load(from: directory) else {
            throw OperationError(
                .configuration,
                "the backup does not hold the cluster's key; give a copy of cluster.key with --key-file")
        }
        guard key.id == contents.header.keyID else {
            throw OperationError(
                .configuration,
                "the backup was made under the cluster key \(contents.header.keyID), this is \(key.id); give the copy of "
                    + "cluster.key that belongs to it with --key-file")
        }
        return key
    }
}

// MARK: - Files

extension Restore {
    /// Writes the files of the new node aside. What an earlier run left of the same backup for the same database is
    /// used again, since the database may know that node by now.
    private func stage(
        _ contents: BackupContents, _ key: ClusterKey, _ options: Options
    ) async throws -> NodeSettings {
        try staging.create()
        let earlier = try? await NodeSettings.load(from: staging, environment: [:])
        for name in [DataDirectory.databaseName] + Self.sidecars.map({ DataDirectory.databaseName + $0 }) {
            staging.remove(name)
        }
        var random = SystemRandomNumberGenerator()
        var settings = try await self.settings(contents.header)
        settings.clusterID = contents.header.cluster.description
        settings.nodeID = NodeID(using: &random).description
        settings.databaseURL = options.databaseURL
        if let name = options.nodeName { settings.name = name }
        try settings.check()
        if let earlier, let url = options.databaseURL, earlier.databaseURL == url,
            earlier.clusterID == settings.clusterID
        {
            settings.nodeID = earlier.nodeID
        }
        try staging.write(DataDirectory.keyName, Array(key.fileText().utf8))
        try staging.write(DataDirectory.settingsName, Array(settings.fileText().utf8))
        return settings
    }

    /// What belongs to this machine: its own file, else the one in the backup, else the defaults.
    private func settings(_ header: BackupHeader) async throws -> NodeSettings {
        if try directory.facts(of: DataDirectory.settingsName) != nil {
            return try await NodeSettings.load(from: directory, environment: [:])
        }
        guard let text = header.nodeSettings else {
            return NodeSettings(
                nodeID: "", clusterID: header.cluster.description, name: StandaloneSetup.likelyNodeName(probe: probe))
        }
        try staging.write(DataDirectory.settingsName, Array(text.utf8))
        do {
            return try await NodeSettings.load(from: staging, environment: [:])
        } catch {
            throw OperationError(.badData, "the backup holds a node.yaml that cannot be used: \(error.message)")
        }
    }

    /// Gives the files of the node that was there other names.
    private func moveAway() throws -> [String] {
        let now = Timestamp(seconds: Timestamp(microseconds: probe.nowMicroseconds()).seconds)
        let suffix = ".before-restore-" + now.description.filter { $0.isNumber || $0 == "T" || $0 == "Z" }
        var kept: [String] = []
        // The settings first: without them the directory holds no node.
        for name in Self.files.reversed() where try directory.facts(of: name) != nil {
            try FileBytes.move(directory.file(name), to: directory.file(name + suffix))
            kept.append(name + suffix)
        }
        for sidecar in Self.sidecars where try directory.facts(of: DataDirectory.databaseName + sidecar) != nil {
            try FileBytes.move(
                directory.file(DataDirectory.databaseName + sidecar),
                to: directory.file(DataDirectory.databaseName + suffix + sidecar))
        }
        return kept
    }

    /// Puts the new files in place; the settings last, with which the directory holds a node.
    private func takePlaces() throws {
        let names = [DataDirectory.databaseName + "-wal"] + Self.files
        for name in names where try staging.facts(of: name) != nil {
            try FileBytes.move(staging.file(name), to: directory.file(name))
        }
        staging.removeRest([DataDirectory.databaseName + "-shm"])
    }
}

// MARK: - Rows

extension Restore {
    private func withStore(
        _ backend: any StorageBackend, _ body: (any PortableStorage) async throws -> Void
    ) async throws {
        do {
            try await body(try backend.portable())
            await backend.close()
        } catch {
            await backend.close()
            throw error
        }
    }

    private func fill(
        _ target: any PortableStorage, from contents: BackupContents, key: ClusterKey, settings: NodeSettings
    ) async throws {
        let place = "a backup of \(contents.header.createdAt)"
        let filling = ContentImport(target: target, mark: ImportMark(place: place, id: contents.number))
        let maps = try contents.tables.map { try TableMap($0, in: target.content) }
        switch try await filling.finding() {
        case .finished:
            try await addMissingNode(target, settings)
            return
        case .empty: try await filling.begin()
        case .importing(let mark?) where mark.id == filling.mark.id: try await filling.empty(report)
        case .importing, .occupied:
            throw OperationError(
                .alreadyExists, "the database that is to be restored into is not empty; name an empty one")
        }
        let sums = try await load(contents, maps, into: filling)
        for map in maps {
            let sum = try await target.readContent { try $0.sum(of: map.table) }
            guard sum == sums[map.table.name] ?? ContentSummation().sum else {
                throw OperationError(
                    .badData,
                    "the table \(map.table.name) is not in the database as it is in the backup; nothing was put into "
                        + "use: restore again, and take another copy of the backup if that does not help")
            }
            report(MoveProgress(stage: .verifying, table: map.table.name, rows: sum.rows, total: sum.rows))
        }
        try await finish(filling, contents, key: key, settings: settings)
    }

    private func load(
        _ contents: BackupContents, _ maps: [TableMap], into filling: ContentImport
    ) async throws -> [String: ContentSum] {
        var sums: [String: ContentSummation] = [:]
        var loaded: [String: Int] = [:]
        try await contents.forEachPage { name, page in
            guard let map = maps.first(where: { $0.table.name == name }) else { return }
            let rows = page.map(map.row)
            sums[name, default: ContentSummation()].add(rows)
            try await filling.load(rows, into: map.table)
            loaded[name, default: 0] += rows.count
            let total = contents.tables.first { $0.name == name }?.rows
            report(MoveProgress(stage: .copying, table: name, rows: loaded[name] ?? 0, total: total))
        }
        return sums.mapValues(\.sum)
    }

    private func finish(
        _ filling: ContentImport, _ contents: BackupContents, key: ClusterKey, settings: NodeSettings
    ) async throws {
        var random = SystemRandomNumberGenerator()
        let (header, lineage) = (contents.header, LineageID(using: &random))
        let sealer = Sealer(key: key, clusterID: header.cluster)
        let node = try newNode(settings)
        try await filling.finish(
            after: header.revision.number, .restoreStore, by: actor, lineage: lineage
        ) { writer in
            guard try writer.config.cluster()?.id == header.cluster else {
                throw OperationError(.badData, "the backup holds no cluster, or another one than it says")
            }
            // That the authority opens proves that key and rows belong together.
            _ = try CertificateAuthority.load(from: writer.reader, sealer: sealer)
            try node.write(to: writer)
        }
    }

    /// After a run that ended in the database but not in the directory, and whose directory is gone.
    private func addMissingNode(_ target: any PortableStorage, _ settings: NodeSettings) async throws {
        let node = try newNode(settings)
        try await target.write { writer in
            if try writer.nodes.node(node.id) == nil { try node.write(to: writer) }
        }
    }

    private func newNode(_ settings: NodeSettings) throws -> NewNode {
        try NewNode(settings, machine: probe.hostName(), avoiding: probe.networks().map(\.prefix))
    }
}

/// How the columns of a table in a backup lie in the table of this version.
private struct TableMap: Sendable {
    let table: ContentTable
    /// For each column of the table its place in the backup's rows; `nil` for one that is younger than the backup.
    private let places: [Int?]

    init(_ stored: BackupContents.Table, in content: [ContentTable]) throws {
        guard let table = content.first(where: { $0.name == stored.name }),
            stored.columns.allSatisfy({ name in table.columns.contains { $0.name == name } })
        else {
            throw OperationError(
                .badData, "the backup holds data that this version of the program does not know; use the newer version")
        }
        self.table = table
        places = table.columns.map { stored.columns.firstIndex(of: $0.name) }
        for (column, place) in zip(table.columns, places) where place == nil && !column.isOptional {
            throw OperationError(
                .badData, "the backup is damaged: its table \(table.name) lacks the column \(column.name)")
        }
    }

    func row(_ stored: ContentRow) -> ContentRow {
        ContentRow(places.map { place in place.map { stored.values[$0] } ?? .null })
    }
}
