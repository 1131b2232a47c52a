import Foundation
package import Glibc
import Synchronization

/// Why a server or what it needs could not be had.
package struct ServerFailure: Error, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

/// A child process that notices when this process is gone, even when it was killed: its standard input then ends.
package final class Lifeline: Sendable {
    private let process: Process
    /// The writing end of the child's standard input; `nil` after it was closed. No other child inherits it.
    private let feed: Mutex<FileHandle?>
    private let output: FileHandle

    /// Runs a script with bash.
    ///
    /// - Parameters:
    ///   - script: Goes on after standard input has ended, to clean up.
    ///   - arguments: What the script sees as `$1` and so on.
    ///   - environment: All of its variables but `PATH`.
    package init(_ script: String, _ arguments: [String] = [], environment: [String: String] = [:]) throws {
        let (input, end) = try Self.pipe()
        let (output, answer) = try Self.pipe()
        feed = Mutex(end)
        self.output = output
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", script, "bash"] + arguments
        process.environment = environment.merging(Programs.environment) { own, _ in own }
        process.standardInput = input
        process.standardOutput = answer
        process.standardError = FileHandle.nullDevice
        try process.run()
        try? input.close()
        try? answer.close()
    }

    deinit { try? feed.withLock { $0 }?.close() }

    /// Whether the script has not ended yet.
    package var isRunning: Bool { process.isRunning }

    /// Its process.
    package var identifier: pid_t { process.processIdentifier }

    /// How it ended, once it has: its exit code, or the number of the signal that it died of below zero.
    package var status: CInt {
        process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    /// The first line of what the script prints, without its end; waits for it.
    func line() -> String {
        var bytes: [UInt8] = []
        while let byte = try? output.read(upToCount: 1)?.first, byte != UInt8(ascii: "\n") { bytes.append(byte) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Ends the script's standard input and waits until it has cleaned up.
    func cut() {
        self.end()
        process.waitUntilExit()
    }

    /// Ends the script's standard input, and does not wait.
    package func end() {
        feed.withLock { end in
            try? end?.close()
            end = nil
        }
    }

    /// Two ends that children do not inherit: of a socket, as Swift does not see the call that makes such a pipe.
    private static func pipe() throws -> (reading: FileHandle, writing: FileHandle) {
        var ends: [CInt] = [0, 0]
        let kind = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw ServerFailure("no socket: \(String(cString: strerror(errno)))")
        }
        return (FileHandle(fileDescriptor: ends[0]), FileHandle(fileDescriptor: ends[1]))
    }
}
