internal import ArgumentParser
internal import ClusterCore
internal import ClusterOperations

struct LicenseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "license", abstract: "How many clients may connect at once.", subcommands: [Show.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show how many clients the node admits and how many it has.")
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            throw Failure(
                .unavailable,
                "licences are not supported yet; the number of clients is limited by the setting limit.clients")
        }
    }
}
