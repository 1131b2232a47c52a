internal import ArgumentParser

/// `asnode storage`: what is done to a database as a whole.
struct StorageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "storage", abstract: "Migrate, check and copy databases.",
        subcommands: [StorageCheckCommand.self, StorageMigrateCommand.self, StorageCopyCommand.self])
}
