import Foundation
import Testing

@Suite("Source rules")
struct SourceRules {
    @Test("library code traps on nothing: no try!, as!, fatalError, force unwrap without a stated invariant")
    func noTraps() throws {
        for file in try Repository.swiftSources() {
            for violation in traps(in: file) { Issue.record("\(violation)") }
        }
    }

    @Test("pure targets read no clock, no randomness, no file, no environment")
    func pureTargets() throws {
        for file in try Repository.swiftSources() where Architecture.pureTargets.contains(file.target ?? "") {
            for violation in impurities(in: file) { Issue.record("\(violation)") }
        }
    }

    @Test("no file names a folder of one developer's machine, or one outside the repository")
    func noForeignPaths() throws {
        for file in try Repository.readableFiles() {
            for violation in foreignPaths(in: file) { Issue.record("\(violation)") }
        }
    }

    @Test("the longest files, for the reader of this report")
    func lengths() throws {
        let sources = try Repository.swiftSources()
        let lengths = sources.map { (lines: $0.lines.count, path: $0.path) }.sorted { $0.lines > $1.lines }
        let median = lengths[lengths.count / 2].lines
        let longest = lengths.prefix(5).map { "\($0.lines) \($0.path)" }.joined(separator: ", ")
        print("source files: \(lengths.count), median \(median) lines; longest: \(longest)")
        #expect(lengths.count > 0)
    }

    @Test(
        "each trap is found",
        arguments: [
            "let a = try! load()", "let b = c as! String", "fatalError(\"no\")", "let d = list.first!",
            "let e = f()!.count", "let g = table[1]!", "preconditionFailure()",
        ])
    func trapIsFound(line: String) {
        #expect(traps(in: SourceText(path: "Sources/X/Sample.swift", text: line)).count == 1)
    }

    @Test(
        "what is no trap passes",
        arguments: [
            "if a != b && !c { }", "// list.first!", "let a = \"Hello!\"", "let b = try? load()",
            "// Invariant: a slab is never empty.\nlet c = slab.baseAddress!",
            "let d = list.first!  // Invariant: two items.", "precondition(count > 0)", "guard x!=y else { }",
        ])
    func notATrap(text: String) {
        #expect(traps(in: SourceText(path: "Sources/X/Sample.swift", text: text)).isEmpty)
    }

    @Test(
        "each impurity is found",
        arguments: [
            "let now = Date()", "let t = ContinuousClock.now", "let x = UInt8.random(in: 0...9)", "list.shuffled()",
        ])
    func impurityIsFound(line: String) {
        #expect(impurities(in: SourceText(path: "Sources/X/Sample.swift", text: line)).count == 1)
    }

    @Test("randomness that comes in as a parameter passes")
    func injectedRandomnessPasses() {
        let text = "let x = UInt8.random(in: 0...9, using: &generator)\nlist.shuffled(using: &generator)"
        #expect(impurities(in: SourceText(path: "Sources/X/Sample.swift", text: text)).isEmpty)
    }

    @Test("a path that leaves the repository is found, one that stays inside passes")
    func leavingPathIsFound() {
        let up = "../"
        let outside = SourceText(path: "docs/a.md", text: "see \(up)\(up)notes.md")
        let inside = SourceText(path: "docs/adr/a.md", text: "see \(up)\(up)README.md")
        #expect(foreignPaths(in: outside).count == 1)
        #expect(foreignPaths(in: inside).isEmpty)
    }

    private func traps(in file: SourceText) -> [String] {
        let form = /\b(?:try!|as!|fatalError\b|preconditionFailure\b)|[\w)\]]!(?![=])/.wordBoundaryKind(.simple)
        let lines = file.lines
        return file.codeLines.enumerated().compactMap { index, line in
            guard line.contains("!") || line.contains("ailure") || line.contains("fatal") else { return nil }
            guard let match = line.firstMatch(of: form) else { return nil }
            let context = lines[max(0, index - 1)...index].joined(separator: "\n")
            guard !context.contains("// Invariant:") else { return nil }
            return "\(file.path):\(index + 1): \(match.0) may trap: parse instead, throw, "
                + "or state why it cannot happen in a comment `// Invariant: …`"
        }
    }

    private func impurities(in file: SourceText) -> [String] {
        let names =
            /\b(?:ContinuousClock|SuspendingClock|SystemRandomNumberGenerator|FileManager|FileHandle|URLSession)\b/
            .wordBoundaryKind(.simple)
        let calls = /\b(?:Date\(\)|Date\.now\b|Task\.sleep\b|UUID\(\)|getenv\b|ProcessInfo\b)/
            .wordBoundaryKind(.simple)
        let dice = /\.(?:random|randomElement|shuffled|shuffle)\(/
        return file.codeLines.enumerated().compactMap { index, line in
            let die = line.contains("using:") ? nil : line.firstMatch(of: dice)?.0
            guard let found = line.firstMatch(of: names)?.0 ?? line.firstMatch(of: calls)?.0 ?? die else { return nil }
            return "\(file.path):\(index + 1): \(found) in a target where time, randomness and I/O are parameters"
        }
    }

    private func foreignPaths(in file: SourceText) -> [String] {
        let machine = /(?:^|[^\w.])\/(?:home|Users|work|root)\/\w/
        let depth = file.path.split(separator: "/").count - 1
        return file.lines.enumerated().compactMap { index, line in
            guard line.contains("/") else { return nil }
            let ups = line.matches(of: /(?:\.\.\/)+/).map { $0.0.count / 3 }.max() ?? 0
            guard ups > depth || line.contains(machine) else { return nil }
            return "\(file.path):\(index + 1): a path that exists on one machine only, or outside the repository"
        }
    }
}
