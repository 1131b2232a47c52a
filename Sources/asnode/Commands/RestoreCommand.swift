internal import ArgumentParser
internal import ClusterCore
internal import ClusterOperations
internal import StorageBackends
internal import StorageSQL

struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Make a node of a backup, on an empty machine or in place of the node there.",
        discussion: """
            The whole file is checked before anything is changed. Users and profiles are as they were at the time of the \
            backup; the node is a new one to the cluster. Without --database the store is a SQLite file in the data \
            directory.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: ArgumentHelp("The backup.", valueName: "FILE")) var path: String
    @Option(help: ArgumentHelp("The empty database to restore into (default: a file).", valueName: "URL"))
    var database: String?
    @Option(help: ArgumentHelp("A file whose first line is the passphrase (- for standard input).", valueName: "FILE"))
    var passphraseFile: String?
    @Option(help: ArgumentHelp("The PEM file with the recipient's private key.", valueName: "FILE"))
    var identity: String?
    @Option(help: ArgumentHelp("A copy of cluster.key, for a backup without it.", valueName: "FILE"))
    var keyFile: String?
    @Option(help: ArgumentHelp("The node's name (default: as in the backup).", valueName: "NODE"))
    var name: String?
    @Flag(help: "Replace the node that is there; its files are kept under other names.") var replace = false

    func run() async throws {
        let url = try database.map { try StoreOpening.url(of: $0, option: "--database") }
        let line = ProgressLine()
        defer { line.end() }
        let contents = try BackupContents.examine(path, report: line.report)
        line.end()
        let key = try self.key(contents)
        let restore = Restore(
            directory: global.directory, probe: LinuxHostProbe(), actor: Workplace.currentActor, report: line.report)
        let options = Restore.Options(databaseURL: url?.text, replaces: replace, nodeName: name)
        let outcome = try await restore.run(contents, key: key, options) { settings, key, directory in
            let place = url ?? DatabaseURL(file: directory.file(DataDirectory.databaseName))
            guard let cluster = ClusterID(settings.clusterID) else {
                throw Failure(.badData, "\(path) has a damaged id")
            }
            return try await StoreOpening.reaching {
                try await place.open(.create, options: StoreOpening.options(key, cluster), notice: StoreOpening.warn)
            }
        }
        line.end()
        try show(outcome, contents, url)
    }

    private func key(_ contents: BackupContents) throws -> ClusterKey? {
        if let keyFile {
            let bytes = try PrivateFile.read(keyFile, limitBytes: 4_096)
            do {
                return try ClusterKey(text: String(decoding: bytes, as: UTF8.self))
            } catch {
                throw Failure(.badData, "\(keyFile): \(error)")
            }
        }
        if let identity { return try key(contents, identity: identity) }
        if let passphraseFile { return try contents.key(passphrase: try PassphraseInput.read(passphraseFile)) }
        switch contents.opener {
        case nil: return nil
        case .passphrase: return try contents.key(passphrase: try PassphraseInput.ask(twice: false))
        case .identity:
            throw Failure(.usage, "the backup was made for a recipient; give the private key with --identity FILE")
        }
    }

    private func key(_ contents: BackupContents, identity path: String) throws -> ClusterKey {
        let pem = String(decoding: try PrivateFile.read(path, limitBytes: 65_536), as: UTF8.self)
        let identity: BackupIdentity
        do {
            identity = try BackupIdentity(pem: pem)
        } catch {
            throw Failure(.badData, "\(path): \(error)")
        }
        return try contents.key(identity: identity)
    }

    private func show(_ outcome: Restore.Outcome, _ contents: BackupContents, _ url: DatabaseURL?) throws {
        let directory = global.directory
        let place = url ?? DatabaseURL(file: directory.file(DataDirectory.databaseName))
        if global.json {
            return try StandardOutput.print(
                json: RestoreDocument(outcome, contents, directory: directory.path, database: "\(place)"))
        }
        print("Restored \(outcome.rows) rows, as they were at \(time(contents.header.createdAt)), into \(place).")
        print("The node \(outcome.settings.name) is in \(directory.path).")
        if !outcome.kept.isEmpty { print("What was there before is kept: \(outcome.kept.joined(separator: ", "))") }
        print("Next: asnode --data \(directory.path) run")
    }
}

/// A restore as `--json` shows it.
private struct RestoreDocument: Encodable {
    let directory: String
    let database: String
    let node: String
    let nodeID: String
    let cluster: String
    let createdAt: String
    let rows: Int
    let kept: [String]

    init(_ outcome: Restore.Outcome, _ contents: BackupContents, directory: String, database: String) {
        self.directory = directory
        self.database = database
        self.node = outcome.settings.name
        self.nodeID = outcome.settings.nodeID
        self.cluster = outcome.settings.clusterID
        self.createdAt = contents.header.createdAt.description
        self.rows = outcome.rows
        self.kept = outcome.kept
    }
}
