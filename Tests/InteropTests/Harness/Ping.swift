import Foundation

/// A stream of echo requests through a tunnel, 100 a second, and how many answers are missing.
struct Ping {
    struct Count: CustomStringConvertible {
        let sent: Int
        let answered: Int

        var lost: Int { sent - answered }
        var description: String { "\(answered) of \(sent) echo requests answered" }
    }

    private let process: ChildProcess

    /// Begins to send.
    /// - Parameters:
    ///   - count: Echo requests in all; at 100 a second.
    ///   - size: Payload of each in bytes.
    init(_ address: String, from namespace: String, in topology: Topology, count: Int, size: Int = 56) throws {
        let log = LogFile(path: topology.file("ping-\(UUID().uuidString)"))
        process = try ChildProcess(
            topology.inside(
                namespace, ["ping", "-n", "-q", "-i", "0.01", "-W", "2", "-s", "\(size)", "-c", "\(count)", address]),
            log: log)
    }

    /// Waits until the last answer came or its time was up.
    func finish(within seconds: Double) throws -> Count {
        guard process.waitForExit(within: seconds) != nil else {
            process.stop(SIGKILL)
            throw HarnessError("ping did not end within \(seconds) s")
        }
        let form = /(\d+) packets transmitted, (\d+)(?: packets)? received/
        guard let match = process.log.text.firstMatch(of: form), let sent = Int(match.1),
            let answered = Int(match.2)
        else { throw HarnessError("ping said: \(process.log.text)") }
        return Count(sent: sent, answered: answered)
    }

    /// True when `address` answers an echo request within `seconds`.
    static func reaches(
        _ address: String, from namespace: String, in topology: Topology, within seconds: Double = 5
    )
        throws -> Bool
    {
        let deadline = monotonicSeconds() + seconds
        repeat {
            let once = ["ping", "-n", "-q", "-c", "1", "-W", "1", address]
            if try Command.run(topology.inside(namespace, once)).succeeded { return true }
            usleep(50_000)
        } while monotonicSeconds() < deadline
        return false
    }
}
