import Foundation
import Testing

@Suite("The judge of broken stores", .serialized)
struct ChaosTests {
    /// What a run of `chaos` on SQLite says.
    private func chaos(breaking mistake: String?) throws -> (status: Int32, said: String) {
        let program = FileManager.default.currentDirectoryPath + "/.build/debug/chaos"
        try #require(FileManager.default.isExecutableFile(atPath: program), "no \(program): run `swift build`")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        // With this seed a worker is replaced while it is paused within the first seconds.
        process.arguments =
            ["--backend", "sqlite", "--seconds", "4", "--seed", "3"] + (mistake.map { ["--break", $0] } ?? [])
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let said = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, said)
    }

    @Test("a store that keeps its promises is found good")
    func sound() throws {
        let (status, said) = try chaos(breaking: nil)
        #expect(status == 0, "\(said)")
        #expect(said.contains("verdict: good"))
    }

    @Test(
        "what breaks a promise is found, and how",
        arguments: [
            ("acknowledge-early", "was acknowledged and is lost"), ("drop-writes", "was acknowledged and is lost"),
            ("write-twice", "was applied twice"), ("refuse-wrongly", "was refused (on purpose) and is in revision"),
            ("lose-updates", "additions"), ("ignore-fence", "processes wrote in epoch"),
            ("tear-changes", "and should have written"), ("forget-journal", "which is in no journal"),
        ])
    func broken(mistake: String, finding: String) throws {
        let (status, said) = try chaos(breaking: mistake)
        #expect(status == 1, "\(said)")
        #expect(said.contains(finding), "\(said)")
    }
}
