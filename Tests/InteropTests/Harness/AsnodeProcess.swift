import Foundation
import Glibc

/// A node: its data directory, the commands on it, and the running program, in the node's namespace.
final class AsnodeProcess {
    /// The program under test: `ASNODE_BINARY`, else the debug build.
    static var binary: String {
        ProcessInfo.processInfo.environment["ASNODE_BINARY"]
            ?? FileManager.default.currentDirectoryPath + "/.build/debug/asnode"
    }

    static let port: UInt16 = 1194

    let data: String
    let topology: Topology
    private(set) var process: ChildProcess?

    /// Makes a standalone node whose profiles name `Topology.hostName`.
    init(
        in topology: Topology, data: String = "node", listen: [String] = ["udp:\(port)"], options: [String] = [],
        settings: [String: String] = [:]
    ) throws {
        guard FileManager.default.isExecutableFile(atPath: Self.binary) else {
            throw HarnessError("no program at \(Self.binary): run `swift build`, or set ASNODE_BINARY")
        }
        self.topology = topology
        self.data = topology.file(data)
        try check(
            ["init", "--hostname", Topology.hostName, "--name", "n1"] + listen.flatMap { ["--listen", $0] } + options)
        // The cheapest hash that is allowed: these tests measure tunnels, and run on two cores.
        try command("config", "set", "password.scrypt-cost", "14")
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) { try command("config", "set", name, value) }
    }

    deinit { process?.stop(SIGKILL) }

    // MARK: Commands

    /// Runs a command on the node's data directory and returns what it prints.
    /// - Throws: `HarnessError` when it fails.
    @discardableResult
    func command(_ arguments: String..., input: String = "") throws -> String {
        try check(arguments, input: input)
    }

    @discardableResult
    private func check(_ arguments: [String], input: String = "") throws -> String {
        let result = try attempt(arguments, input: input)
        guard result.succeeded else {
            throw HarnessError("asnode \(arguments.joined(separator: " ")): \(result.status)\n\(result.output)")
        }
        return result.output
    }

    /// Runs a command that may fail.
    func attempt(_ arguments: [String], input: String = "") throws -> CommandResult {
        try Command.run(
            topology.inside(topology.node, [Self.binary, "--data", data] + arguments), input: input, within: 60)
    }

    /// What a command prints with `--json`.
    func json<Answer: Decodable>(_ type: Answer.Type, _ arguments: String...) throws -> Answer {
        let result = try attempt(["--json"] + arguments)
        guard result.succeeded else { throw HarnessError("asnode \(arguments): \(result.output)") }
        return try JSONDecoder().decode(type, from: Data(result.output.utf8))
    }

    func addUser(_ name: String, password: String) throws {
        try command("user", "add", name, "--password-stdin", input: password + "\n")
    }

    /// Issues a profile and returns the file's path.
    func issueProfile(_ user: String) throws -> String {
        let path = topology.file("\(user)-\(UUID().uuidString.prefix(8)).ovpn")
        try command("profile", "issue", user, "--output", path)
        return path
    }

    // MARK: The running node

    var log: LogFile { process?.log ?? LogFile(path: topology.file("node.log")) }

    /// Starts the node and waits until it listens.
    func start() throws {
        let log = LogFile(path: topology.file("node-\(UUID().uuidString.prefix(8)).log"))
        let process = try ChildProcess(
            topology.inside(topology.node, [Self.binary, "--data", data, "run"]), log: log,
            environment: ["ASNODE_LOG_LEVEL": "debug"])
        self.process = process
        let listening: Bool? = poll(within: 20) {
            if Self.listens(process.pid) { return true }
            return process.isRunning ? nil : false
        }
        guard listening == true else {
            throw HarnessError(
                "the node does not listen (\(process.exitStatus?.description ?? "runs")):\n\(log.tail(40))")
        }
    }

    /// Ends the node as an operator does; it has to say goodbye to its clients.
    @discardableResult
    func stop(_ signal: Int32 = SIGTERM) -> ExitStatus? { process?.stop(signal) }

    /// The machine loses the process: no goodbye.
    func crash() { process?.stop(SIGKILL) }

    /// True when a UDP socket on the node's port is bound in the network namespace of `pid`.
    private static func listens(_ pid: pid_t) -> Bool {
        let wanted = String(format: ":%04X ", port)
        return ["udp", "udp6"].contains { table in
            let text = FileManager.default.contents(atPath: "/proc/\(pid)/net/\(table)") ?? Data()
            return String(decoding: text, as: UTF8.self).contains(wanted)
        }
    }
}

/// A node, one user with a profile, and the network around: what most tests start from.
struct Site {
    static let user = "user1"
    static let password = "correct horse battery staple"

    let topology: Topology
    let node: AsnodeProcess
    let profile: String

    /// Builds everything, starts the node, runs `body`; takes everything down whatever happened.
    static func with<Answer>(
        clients: Int = 1, settings: [String: String] = [:], _ body: (Site) throws -> Answer
    ) throws -> Answer {
        try Topology.with(clients: clients) { topology in
            let node = try AsnodeProcess(in: topology, settings: settings)
            defer { node.crash() }
            try node.addUser(user, password: password)
            let site = Site(topology: topology, node: node, profile: try node.issueProfile(user))
            try node.start()
            do {
                return try body(site)
            } catch {
                throw HarnessError("\(error)\n--- the node's log ends:\n\(node.log.tail(40))")
            }
        }
    }

    /// Starts a client with the user's password.
    func client(
        _ number: Int = 1, user: String = user, password: String = password, profile: String? = nil,
        options: [String] = []
    ) throws -> OpenVPNClient {
        try OpenVPNClient(
            profile: profile ?? self.profile, user: user, password: password, in: topology.clients[number - 1],
            of: topology, options: options)
    }

    /// Starts a client and waits for its tunnel.
    func connectedClient(_ number: Int = 1, options: [String] = []) throws -> OpenVPNClient {
        let client = try client(number, options: options)
        try client.waitUntilConnected()
        return client
    }

    /// True when the client gets an answer from the host inside, over IPv4 and IPv6.
    func reachesHost(_ client: OpenVPNClient) throws -> Bool {
        try [Topology.Address.host4, Topology.Address.host6].allSatisfy {
            try Ping.reaches($0, from: client.namespace, in: topology)
        }
    }
}

extension AsnodeProcess {
    /// Revokes the certificate of a profile, found by the serial number in the file.
    func revoke(_ profile: String) throws {
        try command("profile", "revoke", try serial(of: profile))
    }

    /// The serial number of the certificate in a profile, in hexadecimal.
    func serial(of profile: String) throws -> String {
        try openssl(profile, "-serial").replacingOccurrences(of: "serial=", with: "")
    }

    /// What `openssl x509` says of the certificate in a profile.
    func openssl(_ profile: String, _ question: String...) throws -> String {
        let text = try String(contentsOfFile: profile, encoding: .utf8)
        guard let start = text.range(of: "<cert>\n"), let end = text.range(of: "</cert>") else {
            throw HarnessError("no certificate in \(profile)")
        }
        let pem = String(text[start.upperBound..<end.lowerBound])
        return try Command.check(["openssl", "x509", "-noout"] + question, input: pem)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

extension Site {
    /// True when the certificate in the profile is no longer valid.
    func isExpired() throws -> Bool {
        do {
            _ = try node.openssl(profile, "-checkend", "0")
            return false
        } catch {
            return true
        }
    }
}
