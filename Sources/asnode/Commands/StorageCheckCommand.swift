internal import ArgumentParser
internal import ClusterCore
internal import StorageBackends
internal import StorageCheck
internal import StorageTestKit

struct StorageCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Try whether a cluster can rely on a database.",
        discussion: """
            Tells what the server is and how the way to it is protected, then runs the conformance cases: transactions, \
            isolation, lost connections, types, migrations. They work in files, databases or schemas of their own; where \
            the user may not make any, in tables with a random prefix. These are removed afterwards, and nothing else is \
            touched. Takes some minutes. Ends with 1 when a case fails.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: ArgumentHelp("The database: sqlite:///FILE, mysql://… or postgres://….", valueName: "URL"))
    var database: String

    func run() async throws {
        let check = try StorageCheck(StoreOpening.url(of: database, option: "URL"))
        let preparation = try await StoreOpening.reaching { try await check.prepare() }
        if !global.json { show(preparation) }
        let isQuiet = global.json
        let report = try await Interruptible.run {
            try await check.run(preparation) { if !isQuiet { Self.show($0) } }
        }
        if global.json {
            try StandardOutput.print(json: CheckDocument(preparation, report))
        } else {
            print("\(report.passed) passed, \(report.failures.count) failed, \(report.skipped) left out")
        }
        if !report.isConforming { throw ExitCode(1) }
    }

    private func show(_ preparation: StorageCheck.Preparation) {
        let facts = preparation.facts
        let servers = facts.servers > 1 ? ", one of \(facts.servers) servers" : ""
        print("\(facts.address): \(facts.product) \(facts.version)\(servers)")
        if !facts.isSupported {
            print("  too old: \(facts.product) \(facts.leastVersion) or later is supported")
        }
        print("  \(facts.protection); transactions that write are \(facts.isolation)")
        print("  round trip \(facts.roundTrip.milliseconds) ms; clock \(facts.clockOffset.milliseconds) ms ahead")
        print("The cases work \(preparation.place).\n")
        print("RESULT  MS      CASE")
    }

    private static func show(_ result: ConformanceResult) {
        let time = String(Int64(result.took / .milliseconds(1)))
        let row = time + String(repeating: " ", count: max(0, 6 - time.count)) + "  \(result.name)"
        switch result.outcome {
        case .passed: print("ok      \(row)")
        case .failed(let what): print("FAILED  \(row): \(OneLine.of(what))")
        case .skipped(let why): print("left    \(row): \(OneLine.of(why))")
        }
    }
}

extension Duration {
    /// In milliseconds with two digits behind the point.
    fileprivate var milliseconds: String {
        let hundredths = Int64(self / .microseconds(10))
        let rest = String(hundredths.magnitude % 100)
        return "\(hundredths < 0 ? "-" : "")\(hundredths.magnitude / 100).\(rest.count < 2 ? "0" : "")\(rest)"
    }
}

/// A check as `storage check --json` shows it.
private struct CheckDocument: Encodable {
    struct Case: Encodable {
        let name: String
        let result: String
        let reason: String?
        let milliseconds: Int64

        init(_ result: ConformanceResult) {
            name = result.name
            milliseconds = Int64(result.took / .milliseconds(1))
            switch result.outcome {
            case .passed: (self.result, reason) = ("passed", nil)
            case .failed(let what): (self.result, reason) = ("failed", what)
            case .skipped(let why): (self.result, reason) = ("left-out", why)
            }
        }
    }

    let database: String
    let product: String
    let version: String
    let supported: Bool
    let servers: Int
    let protection: String
    let isolation: String
    let roundTripMilliseconds: Double
    let clockOffsetMilliseconds: Double
    let conforming: Bool
    let cases: [Case]

    init(_ preparation: StorageCheck.Preparation, _ report: ConformanceReport) {
        let facts = preparation.facts
        database = facts.address
        product = facts.product
        version = facts.version
        supported = facts.isSupported
        servers = facts.servers
        protection = "\(facts.protection)"
        isolation = facts.isolation
        roundTripMilliseconds = facts.roundTrip / .milliseconds(1)
        clockOffsetMilliseconds = facts.clockOffset / .milliseconds(1)
        conforming = report.isConforming
        cases = report.results.map(Case.init)
    }
}
