internal import ArgumentParser
internal import ClusterCore
internal import ClusterOperations

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Who changed what.", subcommands: [List.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the changes of configuration, newest first.")
        @OptionGroup var global: GlobalOptions
        @Option(help: ArgumentHelp("The most entries.", valueName: "N")) var limit = 100

        func run() async throws {
            guard (1...100_000).contains(limit) else { throw Failure(.usage, "--limit lies between 1 and 100000") }
            let list = try await Workplace.operate(global.directory) { session, _ in
                try await AuditOperations(session).list(limit: limit)
            }
            list.warn()
            if global.json { return try StandardOutput.print(json: ["entries": list.rows.map(AuditDocument.init)]) }
            var table = Table("TIME", "REVISION", "WHO", "ACTION", "WHAT", "DETAIL")
            for entry in list.rows {
                table.add(
                    time(entry.at), "\(entry.revision)", entry.actor.name, entry.action.rawValue, entry.entity.id,
                    entry.detail)
            }
            table.show(ifEmpty: "Nothing was changed yet.")
        }
    }
}

/// A change as `audit list --json` shows it.
private struct AuditDocument: Encodable {
    let revision: Int64
    let index: Int
    let time: String
    let actor: String
    let actorKind: String
    let action: String
    let entityKind: String
    let entity: String
    let detail: String

    init(_ entry: AuditEntry) {
        self.revision = entry.revision
        self.index = entry.index
        self.time = entry.at.description
        self.actor = entry.actor.name
        self.actorKind = entry.actor.kind.rawValue
        self.action = entry.action.rawValue
        self.entityKind = entry.entity.kind.rawValue
        self.entity = entry.entity.id
        self.detail = entry.detail
    }
}
