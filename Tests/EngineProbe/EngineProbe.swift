import Foundation
import VPNEngine
import VPNFormats
import VPNProtocol

/// The smallest program that embeds an engine: admits everybody whose certificate verifies and whose password is
/// `secret` or the token that it gave. Writes its sessions out every 100 ms, so that a test can kill it and let a second
/// process go on with them. For tests alone.
///
/// Usage: `engine-probe DIRECTORY PORT DEVICE SUBNET4 SUBNET6 [--resume]`. The directory holds `ca.pem`, `server.pem`,
/// `server.key`, `tls-crypt-v2.key` and `tls-crypt.key`; sessions go to and come from `sessions` in it.
@main
struct EngineProbe {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 6, let port = UInt16(arguments[2]), let ipv4 = IPv4Prefix(arguments[4]),
            let ipv6 = IPv6Prefix(arguments[5])
        else {
            FileHandle.standardError.write(
                Data("usage: engine-probe DIR PORT DEVICE SUBNET4 SUBNET6 [--resume]\n".utf8))
            exit(64)
        }
        let directory = URL(fileURLWithPath: arguments[1])
        let records = directory.appendingPathComponent("sessions")
        let resumed = arguments.contains("--resume") ? try SessionFile.read(records) : []
        let serverKey = try TLSCryptV2ServerKey(pem: Self.text(directory, "tls-crypt-v2.key"))
        let sharedKey = try StaticKey(text: Self.text(directory, "tls-crypt.key"))
        let configuration = EngineConfiguration(
            listeners: [ListenAddress(transport: .udp, port: port)], deviceName: arguments[3],
            credentials: TLSCredentials(
                authorities: [Array(try Self.text(directory, "ca.pem").utf8)],
                chain: [Array(try Self.text(directory, "server.pem").utf8)],
                privateKey: Array(try Self.text(directory, "server.key").utf8)),
            wrapping: WrappingKeys(tlsCryptV2: [serverKey], tlsCrypt: [sharedKey]),
            cookieKey: [UInt8](repeating: 7, count: 32),
            protocolSettings: ServerSettings(
                handshakeWindow: .seconds(10), tunnel: TunnelNetwork(ipv4: ipv4, ipv6: ipv6)),
            resume: resumed)
        let engine = Engine(configuration: configuration, authorizer: ProbeAuthorizer(ipv4: ipv4, ipv6: ipv6)) {
            event in
            say(event)
        }
        try engine.start()
        say("ready")
        signal(SIGTERM, SIG_IGN)
        let terminated = DispatchSource.makeSignalSource(signal: SIGTERM)
        terminated.setEventHandler { Task { await engine.stop() } }
        terminated.resume()
        let writer = Task {
            while !Task.isCancelled {
                try SessionFile.write(await engine.exportSessions(), to: records)
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        try await engine.waitUntilStopped()
        writer.cancel()
    }

    private static func text(_ directory: URL, _ name: String) throws -> String {
        try String(contentsOf: directory.appendingPathComponent(name), encoding: .utf8)
    }
}

/// Session records in a file: each after its length.
enum SessionFile {
    static func write(_ records: [[UInt8]], to file: URL) throws {
        var data = Data()
        for record in records {
            withUnsafeBytes(of: UInt32(record.count).bigEndian) { data.append(contentsOf: $0) }
            data.append(contentsOf: record)
        }
        try data.write(to: file, options: .atomic)
    }

    static func read(_ file: URL) throws -> [[UInt8]] {
        var rest = [UInt8](try Data(contentsOf: file))[...]
        var records: [[UInt8]] = []
        while rest.count >= 4 {
            let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(4)
            records.append(Array(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return records
    }
}

actor ProbeAuthorizer: Authorizer {
    private let ipv4: IPv4Prefix
    private let ipv6: IPv6Prefix
    private var next: UInt64 = 2

    init(ipv4: IPv4Prefix, ipv6: IPv6Prefix) {
        self.ipv4 = ipv4
        self.ipv6 = ipv6
    }

    func authorize(_ login: Login) async -> LoginDecision {
        let password = login.request.credentials.password
        guard password == "secret" || password.hasPrefix(AuthToken.prefix) else {
            return .refuse(Refusal(text: "wrong user name or password"))
        }
        let host = self.next
        self.next += 1
        return .admit(
            Grant(
                name: login.request.credentials.username, ipv4: self.ipv4.address(at: host),
                ipv6: self.ipv6.address(at: host), authToken: AuthToken.prefix + String(repeating: "A", count: 80)))
    }

    nonisolated func sessionBecameLive(_ session: SessionHandle) { say("live \(session)") }
    nonisolated func sessionResumed(_ session: SessionHandle, grant: Grant) { say("resumed \(session) \(grant.name)") }
    nonisolated func sessionEnded(_ report: SessionReport) { say("ended \(report.session): \(report.reason)") }
}

/// One line, at once: a test reads along.
func say(_ text: some Any) {
    FileHandle.standardOutput.write(Data("\(text)\n".utf8))
}
