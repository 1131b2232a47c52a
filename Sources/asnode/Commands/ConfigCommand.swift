internal import ArgumentParser
internal import ClusterCore
internal import ClusterOperations
internal import Foundation

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "The settings that all nodes share.",
        subcommands: [List.self, Get.self, Set.self, Unset.self, Export.self, Import.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the settings with their values.")
        @OptionGroup var global: GlobalOptions
        @Flag(help: "Say what each setting does and what may be written.") var explain = false

        func run() async throws {
            let list = try await Workplace.operate(global.directory) { session, _ in
                try await SettingOperations(session).list()
            }
            list.warn()
            if global.json { return try StandardOutput.print(json: ["settings": list.rows.map(SettingDocument.init)]) }
            guard !explain else {
                for entry in list.rows {
                    print("\(entry.name) = \(entry.value)\(entry.isSet ? "" : " (default)")")
                    print("    \(entry.summary)\n    Write \(entry.explanation).")
                }
                return
            }
            var table = Table("NAME", "VALUE", "")
            for entry in list.rows { table.add(entry.name, entry.value, entry.isSet ? "set" : "default") }
            table.show(ifEmpty: "There are no settings.")
        }
    }

    struct Get: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the value of a setting.")
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("The setting.", valueName: "NAME")) var name: String

        func run() async throws {
            let entry = try await Workplace.operate(global.directory) { session, _ in
                try await SettingOperations(session).get(name)
            }
            if global.json { return try StandardOutput.print(json: ["setting": SettingDocument(entry)]) }
            print(entry.value)
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a setting a value; running nodes take it within a second.")
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("The setting.", valueName: "NAME")) var name: String
        @Argument(help: ArgumentHelp("The value; lists are separated by commas.", valueName: "VALUE")) var value: String

        func run() async throws {
            let entry = try await Workplace.operate(global.directory) { session, _ in
                let operations = SettingOperations(session, hostNetworks: LinuxHostProbe().networks())
                try await operations.set([name: value])
                return try await operations.get(name)
            }
            if global.json { return try StandardOutput.print(json: ["setting": SettingDocument(entry)]) }
            print("\(entry.name) = \(entry.value)")
        }
    }

    struct Unset: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Set a setting back to its default.")
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("The setting.", valueName: "NAME")) var name: String

        func run() async throws {
            let entry = try await Workplace.operate(global.directory) { session, _ in
                let operations = SettingOperations(session, hostNetworks: LinuxHostProbe().networks())
                try await operations.unset(name)
                return try await operations.get(name)
            }
            if global.json { return try StandardOutput.print(json: ["setting": SettingDocument(entry)]) }
            print("\(entry.name) = \(entry.value) (default)")
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the settings that somebody set, as JSON for 'config import'.")
        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let stored = try await Workplace.operate(global.directory) { session, _ in
                try await SettingOperations(session).stored()
            }
            try StandardOutput.print(json: ExportDocument(settings: stored))
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the settings those of an export: what it does not name goes back to its default.")
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("The file; - is standard input.", valueName: "FILE")) var file: String

        func run() async throws {
            let bytes = try PrivateFile.read(file, limitBytes: 1 << 20)
            guard let document = try? JSONDecoder().decode(ExportDocument.self, from: Data(bytes)) else {
                throw Failure(.badData, "\(file) is not what 'asnode config export' writes; nothing was changed")
            }
            try await Workplace.operate(global.directory) { session, _ in
                try await SettingOperations(session, hostNetworks: LinuxHostProbe().networks())
                    .replace(with: document.settings)
            }
            if !global.json { print("Imported \(document.settings.count) settings.") }
        }
    }
}

/// What `config export` writes and `config import` reads.
private struct ExportDocument: Codable {
    let settings: [String: String]
}
