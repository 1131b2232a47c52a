import ArgumentParser
import ClusterCore
import Foundation
import Glibc
import StorageSQL

/// Changes a store from several processes while servers, networks and processes fail at random, then compares what is
/// in it with what the processes were told.
@main
struct Chaos: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Break servers, networks and clients of a store, and look whether it kept its promises.",
        subcommands: [Run.self, Work.self], defaultSubcommand: Run.self)

    struct Work: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "worker", shouldDisplay: false)

        func run() async throws { Glibc.exit(try await Worker.run()) }
    }

    struct Run: AsyncParsableCommand {
        @Option(help: "The store: sqlite, mariadb, galera or postgres.")
        var backend: Site.Kind
        @Option(help: "How long to go on, in seconds.")
        var seconds = 60
        @Option(help: "How many worker processes, 2 to 8.")
        var workers = 4
        @Option(help: "Of the faults and of what workers do; random if it is not given.")
        var seed: UInt64?
        @Option(name: .customLong("break"), help: .hidden)
        var mistake: Mistake?

        func validate() throws {
            guard (1...86_400).contains(seconds), (2...Names.nodes).contains(workers) else {
                throw ValidationError("--seconds is 1 to 86400, --workers 2 to \(Names.nodes)")
            }
        }

        func run() async throws {
            let seed =
                seed ?? ProcessInfo.processInfo.environment["SEED"].flatMap { UInt64($0) }
                ?? UInt64.random(in: 0..<1_000_000)
            print("chaos on \(backend): \(seconds) s, \(workers) workers, seed \(seed)")
            let isGood = try await Round(
                kind: backend, seconds: seconds, workers: workers, seed: seed, mistake: mistake
            ).run()
            Glibc.exit(isGood ? 0 : 1)
        }
    }
}

extension Mistake: ExpressibleByArgument {}
