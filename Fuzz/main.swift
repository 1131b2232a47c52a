import Foundation
import ProtocolTestKit
import VPNFormats

/// `fuzz [--packets N] [--target NAME]`: gives N hostile inputs to each parser. A trap or a failed check ends
/// it; `SEED=` repeats a run.
struct Arguments {
    var packets = 2_000_000
    var target: String?

    init?(_ words: [String]) {
        var words = words[...]
        while let word = words.popFirst() {
            switch word {
            case "--packets":
                guard let count = words.popFirst().flatMap({ Int($0) }), count > 0 else { return nil }
                packets = count
            case "--target":
                guard let name = words.popFirst() else { return nil }
                target = name
            default: return nil
            }
        }
    }
}

func fail(_ message: String, code: Int32) -> Never {
    FileHandle.standardError.write(Data((message + "\n").utf8))
    exit(code)
}

/// Prints at once: after a trap the last word is the target's name.
func say(_ text: String) {
    FileHandle.standardOutput.write(Data(text.utf8))
}

/// Runs a target; prints what was accepted, or what does not hold.
func fuzz(_ target: Target, inputs: Int, seed: UInt64) {
    var mutator = Mutator(random: SeededGenerator(seed: seed))
    var accepted = 0
    say("\(target.name): ")
    for sample in target.samples {
        guard (try? target.run(sample)) == true else { fail("\(target.name): a sample is not accepted", code: 1) }
    }
    for index in 0..<inputs {
        let input = mutator.input(from: target.samples)
        do {
            if try target.run(input) { accepted += 1 }
        } catch {
            fail("\(target.name): \(error)\n  input \(index): \(Hex.encode(input))", code: 1)
        }
    }
    say("\(inputs) inputs, \(accepted) accepted\n")
}

guard let arguments = Arguments(Array(CommandLine.arguments.dropFirst())) else {
    fail("usage: fuzz [--packets N] [--target NAME]", code: 64)
}
let targets = Targets.all.filter { arguments.target == nil || arguments.target == $0.name }
guard !targets.isEmpty else {
    fail("no such target; there are: \(Targets.all.map(\.name).joined(separator: ", "))", code: 64)
}
let seed = SeededGenerator(forTest: "fuzz").seed
for target in targets { fuzz(target, inputs: arguments.packets, seed: seed) }
