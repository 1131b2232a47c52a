internal import ArgumentParser
internal import ClusterCore
internal import ClusterOperations

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Write the cluster to one file, while nodes run.",
        discussion: """
            The file holds one state of the database, with its secrets sealed under the cluster's key. The key itself goes \
            into it under a passphrase or sealed to a recipient's public key; without either, a copy of cluster.key is \
            needed to restore.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: ArgumentHelp("The file to write; only its owner can read it.", valueName: "FILE")) var path: String
    @Flag(help: "Put the cluster's key into it under a passphrase that is asked for.") var passphrase = false
    @Option(help: ArgumentHelp("The same, with the first line of a file (- for standard input).", valueName: "FILE"))
    var passphraseFile: String?
    @Option(
        help: ArgumentHelp(
            "Seal the cluster's key to the P-256 public key in a PEM file; its private key restores.",
            valueName: "FILE"))
    var recipient: String?
    @Flag(help: "Replace the file if it is there.") var replace = false

    func validate() throws {
        let ways = [passphrase, passphraseFile != nil, recipient != nil].count { $0 }
        if ways > 1 { throw ValidationError("--passphrase, --passphrase-file and --recipient exclude each other") }
    }

    func run() async throws {
        let protection = try self.protection()
        let line = ProgressLine()
        defer { line.end() }
        let (outcome, keyPath) = try await Workplace.operate(global.directory) { session, workplace in
            let backup = Backup(session, settings: workplace.settings)
            let outcome = try await backup.write(
                to: path, protection: protection, replacing: replace, report: line.report)
            return (outcome, workplace.directory.file(DataDirectory.keyName))
        }
        line.end()
        if !outcome.holdsKey {
            StoreOpening.warn(
                "the cluster's key is not in the backup: without a copy of \(keyPath) nothing of it can be restored")
        }
        if global.json { return try StandardOutput.print(json: BackupDocument(outcome, path: path)) }
        print("Wrote \(outcome.rows) rows to \(path), \(bytes(Int64(outcome.byteCount))).")
    }

    private func protection() throws -> Backup.KeyProtection {
        if passphrase { return .passphrase(try PassphraseInput.ask(twice: true)) }
        if let passphraseFile { return .passphrase(try PassphraseInput.read(passphraseFile)) }
        guard let recipient else { return .none }
        let pem = String(decoding: try PrivateFile.read(recipient, limitBytes: 65_536), as: UTF8.self)
        do {
            return .recipient(try BackupRecipient(pem: pem))
        } catch {
            throw Failure(.badData, "\(recipient): \(error)")
        }
    }
}

/// A backup as `--json` shows it.
private struct BackupDocument: Encodable {
    let file: String
    let bytes: Int
    let rows: Int
    let revision: Int64
    let holdsKey: Bool

    init(_ outcome: Backup.Outcome, path: String) {
        self.file = path
        self.bytes = outcome.byteCount
        self.rows = outcome.rows
        self.revision = outcome.revision.number
        self.holdsKey = outcome.holdsKey
    }
}
