internal import ArgumentParser
internal import ClusterCore
internal import ClusterOperations
internal import StorageBackends
internal import StorageSQL

struct StorageMigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring a database to the schema of this version of the program.",
        discussion: """
            Needs a database user that may change tables; name one with --database where the node's own may not. A SQLite \
            file is copied first. On a server one process migrates at a time; a run that was broken off goes on where it \
            was. Refused while a live node could not read the new schema.
            """)

    @OptionGroup var global: GlobalOptions
    @Option(
        help: ArgumentHelp(
            "The database: sqlite:///FILE, mysql://… or postgres://… (default: the node's own).", valueName: "URL"))
    var database: String?

    func run() async throws {
        let workplace = try await Workplace.open(global.directory)
        let url = try database.map { try StoreOpening.url(of: $0, option: "--database") } ?? workplace.url
        let options = StoreOpening.options(workplace.key, workplace.clusterID)
        let before = try await StoreOpening.reaching { try await url.facts(options: options) }
        guard let from = before.schema else {
            throw Failure(.configuration, "\(url) is empty; name the database that the cluster is in")
        }
        let backend = try await url.open(.migrate, options: options, notice: StoreOpening.warn)
        await backend.close()
        if global.json {
            return try StandardOutput.print(
                json: MigrationDocument(database: "\(url)", from: from, to: before.wantedSchema))
        }
        guard from != before.wantedSchema else {
            return print("\(url) has schema \(from) already, which this version needs; nothing was changed.")
        }
        print("\(url) had schema \(from) and has schema \(before.wantedSchema) now.")
    }
}

/// A migration as `storage migrate --json` shows it.
private struct MigrationDocument: Encodable {
    let database: String
    let from: Int
    let to: Int
}
