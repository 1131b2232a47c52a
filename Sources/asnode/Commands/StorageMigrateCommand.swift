internal import ArgumentParser
internal import ClusterCore
internal import ClusterOperations
internal import StorageBackends
internal import StorageSQL

struct StorageMigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the node's database to the schema of this version of the program.",
        discussion: """
            Needs a database user that may change tables. A SQLite file is copied first. On a server one process migrates \
            at a time; a run that was broken off goes on where it was.
            """)

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let workplace = try await Workplace.open(global.directory)
        let backend = try await StoreOpening.open(
            workplace.settings, key: workplace.key, directory: workplace.directory, mode: .migrate)
        await backend.close()
        if !global.json { print("The database has the schema of this version.") }
    }
}
