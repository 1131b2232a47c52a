internal import ArgumentParser
internal import ClusterOperations
internal import Glibc

/// The command line: `asnode [--data DIR] [--json] COMMAND`.
@main
struct Asnode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "asnode",
        abstract: "A VPN access server that stock OpenVPN clients use.",
        discussion: """
            Make a node with 'asnode init', add a person with 'asnode user add NAME', write the file for their client \
            with 'asnode profile issue NAME', and start serving with 'asnode run'.
            """,
        version: SoftwareVersion.current,
        subcommands: [
            InitCommand.self, RunCommand.self, UserCommand.self, ProfileCommand.self, SessionCommand.self,
            ConfigCommand.self, AuditCommand.self, LicenseCommand.self, DoctorCommand.self,
            StorageCommand.self, BackupCommand.self, RestoreCommand.self,
        ] + LaterCommands.all)

    @OptionGroup var global: GlobalOptions

    /// Parses the arguments and runs the command; ends the process with an exit status as in sysexits.
    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            try StandardOutput.finish()
        } catch {
            Glibc.exit(report(error))
        }
    }

    /// Prints an error as one line on standard error, or help on standard output.
    ///
    /// - Returns: The exit status.
    static func report(_ error: any Error) -> Int32 {
        let failure = Failure(error)
        if let failure {
            StandardError.write("asnode: \(failure.message)\n")
            return failure.status.rawValue
        }
        let status = exitCode(for: error)
        if status.isSuccess {
            print(fullMessage(for: error))
            return 0
        }
        if let code = error as? ExitCode { return code.rawValue }
        let text = withoutPasswords(message(for: error))
        guard status == .validationFailure else {
            StandardError.write("asnode: \(OneLine.of(text))\n")
            return ExitStatus.software.rawValue
        }
        if !text.isEmpty { StandardError.write("asnode: \(OneLine.of(text)); see asnode help\n") }
        return status.rawValue
    }
}

/// Options that every command takes, before or after its name.
struct GlobalOptions: ParsableArguments {
    @Option(
        name: .customLong("data"),
        help: ArgumentHelp(
            "The node's data directory (default: $ASNODE_DATA, then /var/lib/asnode).", valueName: "DIR"))
    var dataPath: String?

    @Flag(help: "Print facts as JSON.")
    var json = false

    /// The data directory that the command works on.
    var directory: DataDirectory {
        DataDirectory(path: dataPath ?? environment("ASNODE_DATA") ?? DataDirectory.defaultPath)
    }

    func validate() throws {
        if dataPath?.isEmpty == true { throw ValidationError("--data needs a directory") }
    }

    private func environment(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }
}
