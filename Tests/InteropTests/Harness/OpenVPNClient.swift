import Foundation
import Glibc

/// The stock `openvpn` program as a client, with one profile, in one namespace.
final class OpenVPNClient {
    /// What the client prints when its tunnel works.
    static let connected = "Initialization Sequence Completed"
    /// What it prints when it was told to go away for good.
    static let refused = "AUTH_FAILED"

    let process: ChildProcess
    let namespace: String
    private let topology: Topology
    private let credentials: String?

    var log: LogFile { process.log }

    /// Starts the client; returns at once.
    /// - Parameters:
    ///   - profile: The `.ovpn` file.
    ///   - user: With a password, goes to the client in a file that only root may read.
    ///   - options: Further command-line options; they win over the profile's lines.
    init(
        profile: String, user: String? = nil, password: String? = nil, in namespace: String, of topology: Topology,
        device: String = "tun-c", options: [String] = []
    ) throws {
        let name = "client-\(UUID().uuidString.prefix(8))"
        var arguments = ["openvpn", "--config", profile, "--dev", device, "--dev-type", "tun", "--verb", "4"]
        if let user, let password {
            let path = topology.file(name + ".credentials")
            try Data("\(user)\n\(password)\n".utf8).write(to: URL(fileURLWithPath: path))
            chmod(path, 0o600)
            arguments += ["--auth-user-pass", path]
            credentials = path
        } else {
            credentials = nil
        }
        self.topology = topology
        self.namespace = namespace
        process = try ChildProcess(
            topology.inside(namespace, arguments + options), log: LogFile(path: topology.file(name + ".log")))
    }

    /// Waits for the tunnel to work.
    /// - Parameter start: Counts only what the log says behind this place.
    func waitUntilConnected(from start: Int = 0, within seconds: Double = 20) throws {
        try log.wait(for: [Self.connected], from: start, within: seconds, whileRunning: process)
    }

    /// Waits until the client says why it was refused, and returns that line.
    func waitForRefusal(within seconds: Double = 20) throws -> String {
        let text = Self.refused
        let found = try log.wait(for: [text, Self.connected], within: seconds)
        guard found == text, !log.text.contains(Self.connected) else {
            throw HarnessError("the client was let in:\n\(log.tail(20))")
        }
        return log.text.split(separator: "\n").first { $0.contains(text) }.map(String.init) ?? ""
    }

    /// Removes the file that the password came in: from now on only a token opens the door.
    func forgetPassword() {
        if let credentials { unlink(credentials) }
    }

    /// How many TLS handshakes came to their end: the first, and one for each renegotiation.
    var handshakes: Int { log.count(of: "Control Channel: TLSv1.") }

    /// Addresses that the server gave, as the tunnel device has them.
    func tunnelAddresses(device: String = "tun-c") throws -> [String] {
        try Command.check(["ip", "-n", namespace, "-o", "addr", "show", "dev", device, "scope", "global"])
            .split(separator: "\n")
            .compactMap { $0.firstMatch(of: /inet6?\s+([0-9a-f.:]+)/).map { String($0.1) } }
    }

    @discardableResult
    func stop(_ signal: Int32 = SIGTERM) -> ExitStatus? { process.stop(signal) }
}
