internal import VPNFormats

/// Finds what stops a node from working, and says how to mend it. Changes nothing.
public struct Doctor: Sendable {
    /// Below this much free space the doctor warns, in bytes.
    static let scarceBytes: Int64 = 100 << 20
    /// Below this much free space the node cannot be trusted to write, in bytes.
    static let fullBytes: Int64 = 4 << 20
    /// How far the database's clock may be from the machine's.
    static let toleratedClockDifference = Duration.seconds(30)
    /// From here on the way to the database is called slow.
    static let slowRoundTrip = Duration.milliseconds(50)
    /// How long before its end a certificate is warned of, in microseconds: 30 days.
    static let expiryNotice: Int64 = 30 * 86_400 * 1_000_000

    let directory: DataDirectory
    let probe: any HostProbe

    /// A doctor for the node in a data directory.
    ///
    /// - Parameters:
    ///   - directory: The data directory.
    ///   - probe: The machine.
    public init(directory: DataDirectory, probe: any HostProbe) {
        self.directory = directory
        self.probe = probe
    }

    /// Everything that can be told without the database.
    ///
    /// - Parameters:
    ///   - settings: The node's settings, or what is wrong with them.
    ///   - isRunning: Whether a node runs on the directory: its own ports and device are then in use rightly.
    public func examineHost(settings: Result<NodeSettings, OperationError>, isRunning: Bool) -> [Finding] {
        var findings = [directoryFinding(), writableFinding(), spaceFinding(), clockFinding()]
        findings += fileFindings()
        findings += [tunFinding(), privilegeFinding()]
        switch settings {
        case .failure(let error):
            findings.append(
                .fail("settings", error.message, advice: "mend \(DataDirectory.settingsName) or run asnode init"))
        case .success(let settings):
            findings.append(.ok("settings", "\(DataDirectory.settingsName) is in order"))
            findings += settings.listen.map { portFinding($0, isRunning: isRunning) }
            findings += forwardingFindings(isRunning: isRunning)
            if settings.egress == .nat { findings.append(packetFilterFinding()) }
        }
        return findings
    }

    /// What the database's content tells.
    ///
    /// - Parameters:
    ///   - facts: The content, or why it cannot be read.
    ///   - device: The tun device of the node, whose own networks are no conflict.
    public func examineCluster(_ facts: Result<ClusterFacts, OperationError>, device: String) -> [Finding] {
        switch facts {
        case .failure(let error):
            return [.fail("database", error.message, advice: "see the message; nothing in the database was changed")]
        case .success(let facts):
            return [.ok("database", "the database can be read")] + tamperFindings(facts)
                + [hostnameFinding(facts)] + certificateFindings(facts)
                + overlapFindings(facts, device: device)
        }
    }
}
