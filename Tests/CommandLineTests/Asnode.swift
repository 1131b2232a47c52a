import Foundation
import Glibc

/// What the program left behind.
struct Outcome: CustomStringConvertible {
    let status: Int32
    let output: String
    let errors: String

    var description: String { "status \(status)\n\(output)\n\(errors)" }
    /// Whether standard error holds exactly one line.
    var isOneLine: Bool { errors.hasSuffix("\n") && errors.dropLast().firstIndex(of: "\n") == nil }
}

/// The scaffolding around a test failed.
struct HarnessError: Error, CustomStringConvertible {
    let description: String
}

/// The program under test, on a data directory of its own that is gone afterwards.
final class Asnode {
    /// `ASNODE_BINARY`, else the debug build.
    static var binary: String {
        ProcessInfo.processInfo.environment["ASNODE_BINARY"]
            ?? FileManager.default.currentDirectoryPath + "/.build/debug/asnode"
    }

    /// A directory for everything that the test makes; others may look into it, but not write.
    let place: String
    /// The data directory; not made yet.
    let data: String

    init() throws {
        guard FileManager.default.isExecutableFile(atPath: Self.binary) else {
            throw HarnessError(description: "no program at \(Self.binary): run `swift build`, or set ASNODE_BINARY")
        }
        place = NSTemporaryDirectory() + "asnode-cli-\(UUID().uuidString)"
        data = place + "/node"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        guard chmod(place, 0o755) == 0 else { throw HarnessError(description: "chmod \(place)") }
    }

    deinit { try? FileManager.default.removeItem(atPath: place) }

    /// A node that is made already, with the cheapest password hash that is allowed.
    static func made() throws -> Asnode {
        let asnode = try Asnode()
        let made = try asnode.run("init", "--hostname", "vpn.example.com", "--name", "n1")
        guard made.status == 0 else { throw HarnessError(description: "init: \(made)") }
        let cheap = try asnode.run("config", "set", "password.scrypt-cost", "14")
        guard cheap.status == 0 else { throw HarnessError(description: "config set: \(cheap)") }
        return asnode
    }

    func file(_ name: String) -> String { data + "/" + name }

    /// Runs the program on the data directory.
    func run(_ arguments: String..., input: String = "", environment: [String: String] = [:]) throws -> Outcome {
        try Self.execute([Self.binary, "--data", data] + arguments, input: input, environment: environment)
    }

    /// The JSON that a command prints.
    func json(_ arguments: String..., input: String = "") throws -> [String: Any] {
        let outcome = try Self.execute([Self.binary, "--data", data, "--json"] + arguments, input: input)
        guard outcome.status == 0,
            let value = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        else { throw HarnessError(description: "\(arguments): \(outcome)") }
        return value
    }

    /// The rows that a command prints as JSON under one name.
    func rows(_ name: String, _ arguments: String...) throws -> [[String: Any]] {
        let outcome = try Self.execute([Self.binary, "--data", data, "--json"] + arguments)
        let value = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
        guard let rows = value?[name] as? [[String: Any]] else {
            throw HarnessError(description: "\(arguments): \(outcome)")
        }
        return rows
    }

    /// Adds a user with a password that is allowed.
    func addUser(_ name: String) throws {
        let added = try run("user", "add", name, "--password-stdin", input: "correct horse battery\n")
        guard added.status == 0 else { throw HarnessError(description: "user add: \(added)") }
    }

    /// Runs any program, found through `PATH`.
    static func execute(
        _ arguments: [String], input: String = "", environment: [String: String] = [:], within seconds: Double = 60
    ) throws -> Outcome {
        let running = try start(arguments, input: input, environment: environment)
        guard let status = running.wait(within: seconds) else {
            running.signal(SIGKILL)
            _ = running.wait(within: 10)
            throw HarnessError(description: "\(arguments) did not end within \(seconds) s: \(running.errors)")
        }
        return Outcome(status: status, output: running.output, errors: running.errors)
    }

    /// Starts any program.
    static func start(
        _ arguments: [String], input: String = "", environment: [String: String] = [:]
    ) throws -> Running { try Running(arguments, input: input, environment: environment) }
}

/// A program that runs; its output goes to files.
final class Running {
    private let process = Process()
    private let directory = NSTemporaryDirectory() + "asnode-run-\(UUID().uuidString)"

    init(_ arguments: [String], input: String, environment: [String: String]) throws {
        let manager = FileManager.default
        try manager.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for name in ["in", "out", "err"] {
            let text = name == "in" ? Data(input.utf8) : Data()
            guard manager.createFile(atPath: directory + "/" + name, contents: text) else {
                throw HarnessError(description: "cannot write \(directory)")
            }
        }
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        var variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("ASNODE_") }
        variables.merge(environment) { $1 }
        process.environment = variables
        process.standardInput = FileHandle(forReadingAtPath: directory + "/in")
        process.standardOutput = FileHandle(forWritingAtPath: directory + "/out")
        process.standardError = FileHandle(forWritingAtPath: directory + "/err")
        try process.run()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        try? FileManager.default.removeItem(atPath: directory)
    }

    var output: String { text("out") }
    var errors: String { text("err") }
    var isRunning: Bool { process.isRunning }

    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// Waits for the end.
    ///
    /// - Returns: The exit code, 1000 and more for a signal, or nil when it does not end in time.
    func wait(within seconds: Double) -> Int32? {
        let deadline = Date().addingTimeInterval(seconds)
        while process.isRunning {
            guard Date() < deadline else { return nil }
            usleep(10_000)
        }
        return process.terminationReason == .exit ? process.terminationStatus : 1000 + process.terminationStatus
    }

    /// Waits until standard error holds some words.
    func waitForLog(_ words: String, within seconds: Double = 20) -> Bool {
        let deadline = Date().addingTimeInterval(seconds)
        while Date() < deadline {
            if errors.contains(words) { return true }
            if !process.isRunning { return errors.contains(words) }
            usleep(20_000)
        }
        return false
    }

    private func text(_ name: String) -> String {
        String(decoding: FileManager.default.contents(atPath: directory + "/" + name) ?? Data(), as: UTF8.self)
    }
}
