import Foundation
import Glibc

/// Programs of other packages that are run here.
package enum Programs {
    /// The environment of every program: Debian keeps PostgreSQL's servers out of PATH.
    package static let environment = [
        "PATH": "\(postgresDirectory):/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
    ]

    private static var postgresDirectory: String {
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        return "/usr/lib/postgresql/\(versions.compactMap { Int($0) }.max() ?? 15)/bin"
    }

    /// Makes sure that programs and files of a Debian package are there, and that one may start servers.
    ///
    /// - Throws: ``ServerFailure`` that names the package.
    static func require(_ names: [String], from package: String) throws {
        let folders = environment["PATH", default: ""].split(separator: ":")
        for name in names
        where !(name.hasPrefix("/") ? [""] : folders.map { "\($0)/" }).contains(where: {
            FileManager.default.fileExists(atPath: $0 + name)
        }) {
            throw ServerFailure("\(name) is missing: apt-get install \(package)")
        }
        guard geteuid() == 0 else { throw ServerFailure("database servers get a user of their own: run this as root") }
    }

    /// Runs a program to its end.
    ///
    /// - Parameters:
    ///   - input: What it reads.
    ///   - environment: Variables beside ``environment``.
    /// - Returns: What it printed.
    /// - Throws: ``ServerFailure`` with what it said when it fails.
    @discardableResult
    package static func run(
        _ program: String, _ arguments: [String], input: String = "", environment: [String: String] = [:]
    ) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        // The shell hands over the input: a pipe of our own could break, when the program does not read it.
        process.arguments = ["-c", "input=$1; shift; exec \"$@\" <<<\"$input\"", "bash", input, program] + arguments
        process.environment = environment.merging(Self.environment) { own, _ in own }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let said = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw ServerFailure("\(program) failed with \(process.terminationStatus): \(said.suffix(1000))")
        }
        return said
    }
}
