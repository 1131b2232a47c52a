internal import ClusterCore
internal import Dispatch
internal import Foundation
internal import Glibc

/// What a program prints, read within a bounded time and size. It runs in a process group of its own, so that it can be
/// killed with all that it started.
struct ProgramOutput {
    private let words: [String]
    private let limit: Duration

    init(_ words: [String], limit: Duration) {
        self.words = words
        self.limit = limit
    }

    /// Runs the program. Blocks.
    ///
    /// - Returns: Its output; `nil` when it cannot be run, fails, or prints more than ``PasswordSource/limitBytes``.
    /// - Throws: ``ClusterCore/StorageError`` with `timeout`.
    func read() throws -> [UInt8]? {
        let deadline = DispatchTime.now() + .microseconds(Int(limit.wholeMicroseconds))
        let (process, output, ended) = (Process(), Pipe(), DispatchGroup())
        process.executableURL = URL(fileURLWithPath: words.first ?? "")
        process.arguments = Array(words.dropFirst())
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        process.terminationHandler = { _ in ended.leave() }
        ended.enter()
        do { try process.run() } catch { return nil }
        let bytes = collect(output.fileHandleForReading.fileDescriptor, until: deadline)
        if let bytes, ended.wait(timeout: deadline) == .success {
            return process.terminationReason == .exit && process.terminationStatus == 0 ? bytes : nil
        }
        // The group outlives its leader while any of it runs; the leader itself may be gone, and its number another's.
        kill(-process.processIdentifier, SIGKILL)
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        guard DispatchTime.now() >= deadline else { return nil }
        throw StorageError(
            .timeout, "the password command \(words.first ?? "") was stopped after \(limit)",
            advice: "it has to print the password sooner")
    }

    /// Reads to the end; `nil` when it does not come in time or too much comes before it.
    private func collect(_ descriptor: CInt, until deadline: DispatchTime) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count <= PasswordSource.limitBytes {
            let now = DispatchTime.now()
            guard now < deadline else { return nil }
            let left = (deadline.uptimeNanoseconds - now.uptimeNanoseconds) / 1_000_000 + 1
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, CInt(clamping: left)) >= 0 || errno == EINTR else { return nil }
            guard waiting.revents != 0 else { continue }
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count >= 0 else { return nil }
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer[..<count])
        }
        return nil
    }
}
