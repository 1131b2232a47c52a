internal import ArgumentParser
internal import ClusterCore
internal import ClusterOperations
internal import StorageBackends

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Find what stops the node from working, and say how to mend it.",
        discussion: "Changes nothing. Ends with 1 when something stops the node from working.")

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let findings = await examine()
        if global.json {
            try StandardOutput.print(json: ["findings": findings.map(FindingDocument.init)])
        } else {
            for finding in findings {
                print(
                    "\(finding.state.rawValue.uppercased().padding(4))  \(finding.check): \(OneLine.of(finding.summary))"
                )
                if let advice = finding.advice { print("      mend it: \(OneLine.of(advice))") }
            }
        }
        if findings.contains(where: { $0.state == .fail }) { throw ExitCode(1) }
    }

    private func examine() async -> [Finding] {
        let directory = global.directory
        let doctor = Doctor(directory: directory, probe: LinuxHostProbe())
        let isRunning = (try? directory.isRunning()) ?? false
        let settings = await Self.result {
            try await NodeSettings.load(from: directory, environment: Workplace.environment)
        }
        var findings = doctor.examineHost(settings: settings, isRunning: isRunning)
        guard case .success(let settings) = settings else { return findings }
        let database = await Self.result {
            let workplace = try await Workplace.open(directory)
            return try await workplace.url.facts(
                options: StoreOpening.options(workplace.key, workplace.clusterID))
        }
        findings += doctor.examineDatabase(database)
        guard case .success(let database) = database, database.schema == database.wantedSchema else { return findings }
        let facts = await Self.result {
            try await Workplace.operate(directory) { session, _ in try await ClusterFacts.read(session) }
        }
        findings += doctor.examineCluster(facts, device: settings.device)
        return findings
    }

    private static func result<T>(_ body: () async throws -> T) async -> Result<T, OperationError> {
        do {
            return .success(try await body())
        } catch let error as OperationError {
            return .failure(error)
        } catch {
            return .failure(OperationError(.unavailable, Failure(error)?.message ?? "\(error)"))
        }
    }
}

/// A finding as `doctor --json` shows it.
private struct FindingDocument: Encodable {
    let check: String
    let state: String
    let summary: String
    let advice: String?

    init(_ finding: Finding) {
        self.check = finding.check
        self.state = finding.state.rawValue
        self.summary = finding.summary
        self.advice = finding.advice
    }
}

extension String {
    /// The text with spaces behind it up to a width.
    fileprivate func padding(_ width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
