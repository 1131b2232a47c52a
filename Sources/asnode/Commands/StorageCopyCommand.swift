internal import ArgumentParser
internal import ClusterCore
internal import ClusterOperations
internal import StorageBackends
internal import StorageSQL

struct StorageCopyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy", abstract: "Copy the cluster into another, empty database, and move there.",
        discussion: """
            From the first step on the source takes no changes; running nodes go on as when the database is away. When \
            every row is counted and checksummed the target is put into use and node.yaml names it: restart the node then. \
            A run that was broken off is repeated to go on, or undone with --abort.
            """)

    @OptionGroup var global: GlobalOptions
    @Option(help: ArgumentHelp("The database to copy from (default: the node's own).", valueName: "URL"))
    var from: String?
    @Option(help: ArgumentHelp("The empty database to copy into.", valueName: "URL"))
    var to: String
    @Flag(help: "Say what would be copied; change nothing.")
    var dryRun = false
    @Flag(help: "Undo a copy that is not complete: the target is emptied, the source takes changes again.")
    var abort = false
    @Flag(help: "With --abort: the target is gone for good and is not looked at.")
    var targetLost = false

    func validate() throws {
        if abort && dryRun { throw ValidationError("--abort and --dry-run exclude each other") }
        if targetLost && !abort { throw ValidationError("--target-lost belongs to --abort") }
    }

    func run() async throws {
        let workplace = try await Workplace.open(global.directory)
        let own = workplace.url
        let source = try from.map { try StoreOpening.url(of: $0, option: "--from") } ?? own
        let target = try StoreOpening.url(of: to, option: "--to")
        let line = ProgressLine()
        defer { line.end() }
        let copy = StoreCopy(
            from: place(source, workplace), to: place(target, workplace), node: workplace.nodeID,
            actor: Workplace.currentActor, report: line.report)
        if abort { return try show(undone: try await copy.abort(losingTarget: targetLost), source, line) }
        if dryRun { return try show(try await copy.plan(), target, hasMoved: false, line) }
        let outcome = try await copy.run()
        let isOwn = source.description == own.description
        if isOwn { try await workplace.directory.setDatabase(target.text) }
        try show(outcome, target, hasMoved: isOwn, line)
        if !isOwn, !global.json, own.description != target.description {
            print("\(DataDirectory.settingsName) names another database than --from and was left as it is.")
        }
    }

    private func place(_ url: DatabaseURL, _ workplace: Workplace) -> StoreCopy.Place {
        let options = StoreOpening.options(workplace.key, workplace.clusterID)
        return StoreCopy.Place(name: url.description) { creating in
            try await StoreOpening.reaching {
                try await url.open(creating ? .create : .existing, options: options, notice: StoreOpening.warn)
            }
        }
    }

    private func show(
        _ outcome: StoreCopy.Outcome, _ target: DatabaseURL, hasMoved: Bool, _ line: ProgressLine
    ) throws {
        line.end()
        if global.json {
            return try StandardOutput.print(
                json: CopyDocument(outcome, target: target.description, dryRun: dryRun, settingsChanged: hasMoved))
        }
        var table = Table("TABLE", "ROWS")
        for one in outcome.tables { table.add(one.name, "\(one.rows)") }
        table.show(ifEmpty: "")
        if dryRun {
            let rest = outcome.wasComplete ? " was copied before" : " would be copied"
            return print("The cluster\(rest), to \(target).")
        }
        print("The cluster is in \(target) now\(outcome.wasComplete ? ", since an earlier run" : "").")
        if hasMoved {
            print("\(DataDirectory.settingsName) names it; the old file is \(DataDirectory.settingsName).before-copy.")
            print("Restart the node. The database that was left takes no changes any more.")
        }
    }

    private func show(undone: Bool, _ source: DatabaseURL, _ line: ProgressLine) throws {
        line.end()
        if global.json { return try StandardOutput.print(json: ["undone": undone]) }
        print(undone ? "Undone: \(source) takes changes again." : "There was no copy to undo.")
    }
}

/// A copy as `--json` shows it.
private struct CopyDocument: Encodable {
    struct Table: Encodable {
        let name: String
        let rows: Int
    }

    let target: String
    let dryRun: Bool
    let resumed: Bool
    let wasComplete: Bool
    let settingsChanged: Bool
    let rows: Int
    let tables: [Table]

    init(_ outcome: StoreCopy.Outcome, target: String, dryRun: Bool, settingsChanged: Bool) {
        self.target = target
        self.dryRun = dryRun
        self.resumed = outcome.isResumed
        self.wasComplete = outcome.wasComplete
        self.settingsChanged = settingsChanged
        self.rows = outcome.rows
        self.tables = outcome.tables.map { Table(name: $0.name, rows: $0.rows) }
    }
}
