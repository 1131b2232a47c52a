internal import ArgumentParser
internal import ClusterCore
internal import ClusterOperations

struct ProfileCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile", abstract: "The files that clients connect with.",
        subcommands: [Issue.self, List.self, Revoke.self])

    struct Issue: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Issue a new profile for a user.")
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("The user's name.", valueName: "USER")) var user: String
        @Option(help: ArgumentHelp("How the profile logs in: user-locked.", valueName: "KIND"))
        var kind = "user-locked"
        @Option(
            name: [.short, .long],
            help: ArgumentHelp("The file to write (mode 0600); - is standard output, the default.", valueName: "FILE"))
        var output = "-"

        func run() async throws {
            guard let kind = ProfileKind(rawValue: kind), kind == .userLocked else {
                let isLater = ["auto-login", "server-locked"].contains(kind)
                throw Failure(
                    isLater ? .unavailable : .usage,
                    isLater ? "profiles of the kind \(kind) are not supported yet" : "--kind is user-locked")
            }
            let issued = try await Workplace.operate(global.directory) { session, workplace in
                try await ProfileOperations(session).issue(
                    to: user, kind: kind, listeners: workplace.settings.listen)
            }
            guard output != "-" else {
                if global.json {
                    return try StandardOutput.print(json: IssuedDocument(issued, text: issued.text, file: nil))
                }
                return print(issued.text, terminator: "")
            }
            do {
                try PrivateFile.write(issued.text, to: output)
            } catch {
                throw Failure(
                    ExitStatus(error),
                    "\(error.message); the profile was issued: revoke it with asnode profile revoke \(issued.serial)")
            }
            if global.json { return try StandardOutput.print(json: IssuedDocument(issued, text: nil, file: output)) }
            print("Wrote the profile of \(issued.userName) to \(output) (serial \(issued.serial)).")
            print("It holds a private key: hand it over on a safe way. Connect with: openvpn --config \(output)")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the profiles that were issued.")
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("Only this user's.", valueName: "USER")) var user: String?

        func run() async throws {
            let list = try await Workplace.operate(global.directory) { session, _ in
                try await ProfileOperations(session).list(of: user)
            }
            list.warn()
            if global.json { return try StandardOutput.print(json: ["profiles": list.rows.map(ProfileDocument.init)]) }
            var table = Table("SERIAL", "USER", "KIND", "ISSUED", "EXPIRES", "REVOKED")
            for row in list.rows {
                let record = row.certificate
                table.add(
                    record.serial.description, row.userName ?? "(removed)", record.profile?.rawValue ?? "-",
                    time(record.issuedAt), time(record.notAfter), record.revocation.map { time($0.at) } ?? "-")
            }
            table.show(ifEmpty: "No profiles were issued; issue one: asnode profile issue USER")
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revoke a profile; its live session ends within a second.")
        @OptionGroup var global: GlobalOptions
        @Argument(help: ArgumentHelp("The profile's serial number, in hexadecimal.", valueName: "SERIAL"))
        var serial: String

        func run() async throws {
            let record = try await Workplace.operate(global.directory) { session, _ in
                try await ProfileOperations(session).revoke(serial)
            }
            if global.json {
                return try StandardOutput.print(
                    json: ["profile": ProfileDocument(ProfileOperations.Entry(certificate: record, userName: nil))])
            }
            print("Revoked the profile \(record.serial) of \(record.commonName).")
        }
    }
}
