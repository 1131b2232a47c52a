import Foundation

/// What a program that ran to its end left behind.
struct CommandResult {
    let status: ExitStatus
    let output: String

    var succeeded: Bool { status == .code(0) }
}

/// Short-lived programs.
enum Command {
    /// Runs to the end.
    /// - Throws: `HarnessError` when the program cannot start or does not end in time.
    static func run(
        _ arguments: [String], input: String = "", environment: [String: String] = [:], within seconds: Double = 60
    ) throws -> CommandResult {
        let path = NSTemporaryDirectory() + "asnode-command-\(UUID().uuidString)"
        let log = LogFile(path: path)
        defer { unlink(path) }
        let process = try ChildProcess(arguments, log: log, input: input, environment: environment)
        guard let status = process.waitForExit(within: seconds) else {
            process.stop(SIGKILL)
            throw HarnessError("\(arguments.joined(separator: " ")) did not end within \(seconds) s:\n\(log.tail(20))")
        }
        return CommandResult(status: status, output: log.text)
    }

    /// Runs to the end and takes anything but success as an error.
    @discardableResult
    static func check(_ arguments: [String], input: String = "", within seconds: Double = 60) throws -> String {
        let result = try run(arguments, input: input, within: seconds)
        guard result.succeeded else {
            throw HarnessError("\(arguments.joined(separator: " ")): \(result.status)\n\(result.output)")
        }
        return result.output
    }

    /// Programs that the tests drive, and the Debian package of each.
    static let packages = [
        "openvpn": "openvpn", "iperf3": "iperf3", "nft": "nftables", "ip": "iproute2", "ping": "iputils-ping",
        "sysctl": "procps", "openssl": "openssl", "sqlite3": "sqlite3",
    ]

    /// - Throws: `HarnessError` that names the package when a program is missing, or when not run as root.
    static func requireComponents() throws {
        for (program, package) in packages.sorted(by: { $0.key < $1.key }) where !isInstalled(program) {
            throw HarnessError("`\(program)` is missing: apt-get install \(package)")
        }
        guard geteuid() == 0 else {
            throw HarnessError("network namespaces need root: run `sudo make test`")
        }
    }

    private static func isInstalled(_ program: String) -> Bool {
        ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
            .contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
    }
}
