internal import ArgumentParser
internal import ClusterCore
internal import ClusterOperations
internal import VPNFormats

struct SessionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "session", abstract: "Who is connected.", subcommands: [List.self, End.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the live sessions, or those that are over.")
        @OptionGroup var global: GlobalOptions
        @Flag(help: "List sessions that are over, the latest first.") var ended = false
        @Option(help: ArgumentHelp("With --ended: the most entries.", valueName: "N")) var limit = 100

        func run() async throws {
            guard (1...100_000).contains(limit) else { throw Failure(.usage, "--limit lies between 1 and 100000") }
            try await ended ? showEnded() : showLive()
        }

        private func showLive() async throws {
            let list = try await Workplace.operate(global.directory) { session, _ in
                try await SessionOperations(session).list()
            }
            list.warn()
            if global.json {
                return try StandardOutput.print(json: ["sessions": list.rows.map { SessionDocument($0) }])
            }
            var table = Table("ID", "USER", "FROM", "ADDRESS", "CLIENT", "CIPHER", "SINCE", "RECEIVED", "SENT")
            for row in list.rows {
                table.add(
                    String(row.id.description.prefix(12)), row.userName, row.remoteAddress.description,
                    row.addressText, row.clientText, row.cipher, time(row.connectedAt),
                    bytes(row.traffic.bytesReceived), bytes(row.traffic.bytesSent))
            }
            table.show(ifEmpty: "Nobody is connected.")
        }

        private func showEnded() async throws {
            let list = try await Workplace.operate(global.directory) { session, _ in
                try await SessionOperations(session).log(limit: limit)
            }
            list.warn()
            if global.json {
                return try StandardOutput.print(
                    json: [
                        "sessions": list.rows.map {
                            SessionDocument($0.session, endedAt: $0.endedAt, reason: $0.reason)
                        }
                    ])
            }
            var table = Table("USER", "FROM", "ADDRESS", "SINCE", "UNTIL", "REASON", "RECEIVED", "SENT")
            for row in list.rows {
                let session = row.session
                table.add(
                    session.userName, session.remoteAddress.description, session.addressText,
                    time(session.connectedAt), time(row.endedAt), row.reason,
                    bytes(session.traffic.bytesReceived), bytes(session.traffic.bytesSent))
            }
            table.show(ifEmpty: "No session has ended yet.")
        }
    }

    struct End: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End a live session; the client has to log in with its password again.")
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("The session's id, or its first digits.", valueName: "ID")) var id: String

        func run() async throws {
            let ended = try await Workplace.operate(global.directory) { session, _ in
                try await SessionOperations(session).end(id)
            }
            if global.json { return try StandardOutput.print(json: ["sessions": ended.map { SessionDocument($0) }]) }
            for session in ended { print("Ending the session \(session.id) of \(session.userName).") }
        }
    }
}
