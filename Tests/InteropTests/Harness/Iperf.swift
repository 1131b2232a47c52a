import Foundation

/// TCP streams from a client to the host inside.
struct Iperf {
    enum Direction: String, CaseIterable, CustomStringConvertible {
        case up, down
        var description: String { rawValue }
    }

    private struct Report: Decodable {
        struct End: Decodable {
            struct Sum: Decodable {
                let bytes: Int
                let bitsPerSecond: Double
            }
            let sumReceived: Sum?
        }
        let end: End
        let error: String?
    }

    /// What arrived at the receiving end.
    struct Result {
        let bytes: Int
        let bitsPerSecond: Double
    }

    private let server: ChildProcess

    /// Starts a server on the host inside and waits until it listens.
    init(in topology: Topology) throws {
        let log = LogFile(path: topology.file("iperf3-server-\(UUID().uuidString)"))
        server = try ChildProcess(topology.inside(topology.host, ["iperf3", "--server", "--forceflush"]), log: log)
        try log.wait(for: ["Server listening"], within: 10, whileRunning: server)
    }

    func stop() { server.stop(SIGKILL) }

    /// One stream of `seconds`.
    func measure(
        _ direction: Direction, to address: String, from client: String, in topology: Topology, seconds: Int
    )
        throws -> Result
    {
        var arguments = ["iperf3", "--client", address, "--time", "\(seconds)", "--json", "--connect-timeout", "5000"]
        if direction == .down { arguments.append("--reverse") }
        let run = try Command.run(topology.inside(client, arguments), within: Double(seconds) + 30)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard run.succeeded, let report = try? decoder.decode(Report.self, from: Data(run.output.utf8)),
            let sum = report.end.sumReceived
        else { throw HarnessError("iperf3 \(direction): \(run.status)\n\(run.output.suffix(2000))") }
        return Result(bytes: sum.bytes, bitsPerSecond: sum.bitsPerSecond)
    }
}
