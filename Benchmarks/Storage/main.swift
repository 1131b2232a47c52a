import DatabaseServers
import Foundation

/// `storage-bench [--quick] [--only NAME] [--store-only] [--json FILE]`: measures the stores beside bare clients of the same libraries.
///
/// `--quick` does everything once, to see that it works; its figures are worth nothing. `--only` takes one of sqlite,
/// mariadb, postgres. `--store-only` leaves the bare clients out, for a profiler. Needs root, to start servers as their users.
struct Arguments {
    var effort = Effort.full
    var only: String?
    var json: String?

    init?(_ words: [String]) {
        var words = words[...]
        while let word = words.popFirst() {
            switch word {
            case "--quick": effort = .quick
            case "--store-only": effort.storeOnly = true
            case "--only":
                guard let name = words.popFirst() else { return nil }
                only = name
            case "--json":
                guard let file = words.popFirst() else { return nil }
                json = file
            default: return nil
            }
        }
    }
}

/// Prints at once, also into a pipe: all of it takes minutes.
func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

guard let arguments = Arguments(Array(CommandLine.arguments.dropFirst())) else {
    let usage = "usage: storage-bench [--quick] [--only NAME] [--store-only] [--json FILE]\n"
    FileHandle.standardError.write(Data(usage.utf8))
    exit(64)
}
do {
    let report = try await Report.measured(arguments)
    report.printFigures()
    if let file = arguments.json { try report.json.write(to: URL(fileURLWithPath: file)) }
} catch {
    FileHandle.standardError.write(Data("error: \(error)\n".utf8))
    exit(1)
}
