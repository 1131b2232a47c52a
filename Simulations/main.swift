import Dispatch
import Foundation
import ProtocolTestKit
import SimulationKit

// Runs simulated client and server pairs, one for each seed: `simulate [--seeds N]`. `SEED=n` runs that one alone.
// Exit code 1 and the seed of every failure; 0 when all promises held.

let arguments = CommandLine.arguments
var seeds: UInt64 = 10_000
if let position = arguments.firstIndex(of: "--seeds") {
    guard position + 1 < arguments.count, let count = UInt64(arguments[position + 1]) else {
        FileHandle.standardError.write(Data("usage: simulate [--seeds N]\n".utf8))
        exit(64)
    }
    seeds = count
}
let single = ProcessInfo.processInfo.environment["SEED"].flatMap { UInt64($0) }
let first = single ?? 1
let count = single == nil ? seeds : 1

/// What all threads found together.
final class Tally: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var failures: [String] = []
    private(set) var payloads = 0
    private(set) var keyExchanges = 0

    func add(_ outcome: SimulatedPair.Outcome) {
        self.lock.withLock {
            self.payloads += outcome.clientPayloads + outcome.serverPayloads
            self.keyExchanges += outcome.keyExchanges
        }
    }

    func add(failure: String) {
        self.lock.withLock { self.failures.append(failure) }
    }
}

let tally = Tally()
let began = DispatchTime.now()
DispatchQueue.concurrentPerform(iterations: Int(count)) { index in
    let scenario = PairScenario(seed: first + UInt64(index))
    do {
        tally.add(try SimulatedPair(scenario, crypto: TestCryptography()).run())
    } catch {
        tally.add(failure: "\(error)")
    }
}
let seconds = Double(DispatchTime.now().uptimeNanoseconds - began.uptimeNanoseconds) / 1e9
for failure in tally.failures.prefix(20) { print(failure) }
print(
    "simulated \(count) pairs from seed \(first) in \(Int(seconds)) s: \(tally.keyExchanges) key exchanges, "
        + "\(tally.payloads) payloads")
print("\(Int(count) - tally.failures.count) passed, \(tally.failures.count) failed")
exit(tally.failures.isEmpty ? 0 : 1)
