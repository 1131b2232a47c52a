import ClusterCore
import ClusterOperations
import Crypto
import Foundation
import StorageBackends
import StorageSQL
import Testing
import VPNFormats

@Suite("Backup and restore")
struct RestoreTests {
    private static let passphrase = "nine lives of a cat"

    private func backup(
        _ site: Site, to path: String, _ protection: Backup.KeyProtection = .passphrase(passphrase),
        replacing: Bool = false
    ) async throws -> Backup.Outcome {
        let cost = try #require(ScryptCost(logN: 10))
        return try await site.operate(site.url) { session in
            try await Backup(session, settings: site.settings, cost: cost).write(
                to: path, protection: protection, replacing: replacing)
        }
    }

    private func restore(
        _ path: String, into directory: DataDirectory, key: ClusterKey?, _ options: Restore.Options = .init()
    ) async throws -> Restore.Outcome {
        let restore = Restore(directory: directory, probe: FakeHost(), actor: Site.actor)
        return try await restore.run(try BackupContents.examine(path), key: key, options) { settings, key, directory in
            try await Site.open(settings, key, directory, .create)
        }
    }

    private func code(_ body: () async throws -> Void) async -> OperationError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? OperationError)?.code
        }
    }

    private func mode(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
    }

    @Test("an empty machine gets node, key and store; users and profiles are as they were")
    func emptyMachine() async throws {
        let (place, machine) = (try Place(), try Place())
        let site = try await Site.made(place)
        let file = place.file("backup")
        let written = try await backup(site, to: file)
        #expect(try written.holdsKey && written.rows > 10 && mode(file) == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.path).sorted() == ["backup", "node"])
        let before = try await site.read(site.url) { try $0.config.revision() }

        let contents = try BackupContents.examine(file)
        #expect(contents.rows == written.rows && contents.opener == .passphrase)
        #expect(contents.header.nodeSettings?.contains("n1") == true)
        let directory = DataDirectory(path: machine.file("node"))
        let key = try contents.key(passphrase: Self.passphrase)
        let outcome = try await restore(file, into: directory, key: key)

        #expect(outcome.kept.isEmpty && outcome.rows == written.rows)
        let files = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        #expect(files == ["asnode.db", "cluster.key", "node.yaml", "run.lock", "setup.lock"])
        for name in files { #expect(try mode(directory.file(name)) == 0o600, "\(name)") }
        let settings = try await NodeSettings.load(from: directory, environment: [:])
        #expect(settings == outcome.settings && settings.name == "n1" && settings.listen == site.settings.listen)
        #expect(settings.nodeID != site.settings.nodeID && settings.clusterID == site.settings.clusterID)
        #expect(try ClusterKey.load(from: directory)?.id == site.key.id)
        let url = DatabaseURL(file: directory.file("asnode.db"))
        try await site.checkWhole(url, node: try #require(NodeID(settings.nodeID)))
        let after = try await site.read(url) { try $0.config.revision() }
        #expect(after.lineage != before.lineage && after.number == before.number + 1)
    }

    @Test("a backup without the key restores with a copy of the key, and with no other")
    func withoutKey() async throws {
        let (place, machine) = (try Place(), try Place())
        let site = try await Site.made(place)
        let file = place.file("backup")
        #expect(try await !backup(site, to: file, .none).holdsKey)
        let contents = try BackupContents.examine(file)
        #expect(contents.opener == nil)
        #expect(throws: OperationError.self) { try contents.key(passphrase: Self.passphrase) }
        let directory = DataDirectory(path: machine.file("node"))
        var random = SystemRandomNumberGenerator()
        let other = ClusterKey.generate(using: &random)
        #expect(await code { _ = try await restore(file, into: directory, key: nil) } == .configuration)
        #expect(await code { _ = try await restore(file, into: directory, key: other) } == .configuration)
        _ = try await restore(file, into: directory, key: site.key)
    }

    @Test("a recipient's private key opens the key, a passphrase does not")
    func recipient() async throws {
        let place = try Place()
        let site = try await Site.made(place)
        let identity = try BackupIdentity(pem: P256.KeyAgreement.PrivateKey().pemRepresentation)
        _ = try await backup(site, to: place.file("backup"), .recipient(identity.recipient))
        let contents = try BackupContents.examine(place.file("backup"))
        #expect(contents.opener == .identity)
        #expect(try contents.key(identity: identity).id == site.key.id)
        #expect(await code { _ = try contents.key(passphrase: Self.passphrase) } == .badData)
    }

    @Test("nothing is overwritten without being told; when told, the old files stay beside")
    func replaces() async throws {
        let place = try Place()
        let site = try await Site.made(place)
        let file = place.file("backup")
        _ = try await backup(site, to: file)
        #expect(await code { _ = try await backup(site, to: file) } == .alreadyExists)
        _ = try await backup(site, to: file, replacing: true)
        try await site.operate(site.url) { _ = try await UserOperations($0).add("later", password: nil) }
        #expect(await code { _ = try await restore(file, into: site.directory, key: nil) } == .alreadyExists)
        #expect(try await site.read(site.url) { try $0.accounts.userCount() } == 2)

        let outcome = try await restore(file, into: site.directory, key: nil, .init(replaces: true))
        try await site.checkWhole(site.url, node: try #require(NodeID(outcome.settings.nodeID)))
        #expect(outcome.kept.count == 3)
        let old = try #require(outcome.kept.first { $0.hasPrefix("asnode.db.") })
        let kept = DatabaseURL(file: site.directory.file(old))
        #expect(try await site.read(kept) { try $0.accounts.userCount() } == 2)
    }

    @Test("a node that runs is not replaced")
    func running() async throws {
        let place = try Place()
        let site = try await Site.made(place)
        _ = try await backup(site, to: place.file("backup"))
        let lock = try site.directory.lockForRunning()
        let code = await code {
            _ = try await restore(place.file("backup"), into: site.directory, key: nil, .init(replaces: true))
        }
        #expect(code == .tryLater)
        withExtendedLifetime(lock) {}
    }

    @Test("into a named database: an interrupted one is begun anew, one that is in use is refused")
    func namedDatabase() async throws {
        let (place, machine) = (try Place(), try Place())
        let site = try await Site.made(place)
        _ = try await backup(site, to: place.file("backup"))
        let url = machine.url("store.db")
        let directory = DataDirectory(path: machine.file("node"))
        let options = Restore.Options(databaseURL: url.text)
        let outcome = try await restore(place.file("backup"), into: directory, key: site.key, options)
        #expect(outcome.settings.databaseURL == url.text)
        // The store was complete, but the directory is gone: the second run only makes the directory.
        try FileManager.default.removeItem(atPath: directory.path)
        let again = try await restore(
            place.file("backup"), into: directory, key: site.key, .init(databaseURL: url.text, nodeName: "n9"))
        #expect(try await site.read(url) { try $0.nodes.nodes().map(\.name) } == ["n1", "n9"])
        #expect(again.settings.nodeID != outcome.settings.nodeID)
        let occupied = Restore.Options(databaseURL: site.url.text)
        let other = DataDirectory(path: machine.file("other"))
        #expect(
            await code { _ = try await restore(place.file("backup"), into: other, key: site.key, occupied) }
                == .alreadyExists)
    }

    @Test("a restore that broke off while it filled a named database is completed by the next one")
    func resumes() async throws {
        let (place, machine) = (try Place(), try Place())
        let site = try await Site.made(place)
        let file = place.file("backup")
        _ = try await backup(site, to: file)
        let url = machine.url("store.db")
        let directory = DataDirectory(path: machine.file("node"))
        let options = Restore.Options(databaseURL: url.text)
        // A disk that fails under the third report is as good as a kill there.
        for number in [1, 4, 9] {
            let countdown = Countdown(number)
            let failing = FailingStore(try await site.open(url, .create)) { try countdown.step("write") }
            let restore = Restore(directory: directory, probe: FakeHost(), actor: Site.actor)
            await #expect(throws: Countdown.BrokenOff.self) {
                try await restore.run(try BackupContents.examine(file), key: site.key, options) { _, _, _ in failing }
            }
            #expect(!FileManager.default.fileExists(atPath: directory.file("node.yaml")))
        }
        let outcome = try await restore(file, into: directory, key: site.key, options)
        try await site.checkWhole(url, node: try #require(NodeID(outcome.settings.nodeID)))
    }

    @Test("damaged files are bad data and leave the machine as it was")
    func damaged() async throws {
        let (place, machine) = (try Place(), try Place())
        let site = try await Site.made(place)
        _ = try await backup(site, to: place.file("backup"))
        let whole = try Data(contentsOf: URL(fileURLWithPath: place.file("backup")))
        var (flipped, newer, huge) = (whole, whole, whole)
        flipped[whole.count / 2] ^= 4
        newer[11] = 9
        huge.replaceSubrange(13..<17, with: [0x7f, 0xff, 0xff, 0xff])
        let files: [(Data, String)] = [
            (Data(), "no backup"), (Data("hello".utf8), "no backup"), (whole.dropLast(), "ends too early"),
            (whole.prefix(whole.count / 2), "ends too early"), (flipped, "damaged"), (newer, "format 9"),
            (huge, "damaged"), (whole + Data([0]), "damaged"),
        ]
        for (data, words) in files {
            try data.write(to: URL(fileURLWithPath: machine.file("bad")))
            let error = #expect(throws: OperationError.self) { try BackupContents.examine(machine.file("bad")) }
            #expect(error?.code == .badData && error?.message.contains(words) == true, "\(words): \(error as Any)")
        }
        #expect(throws: OperationError.self) { try BackupContents.examine(machine.path) }
        #expect(throws: OperationError.self) { try BackupContents.examine(machine.file("nothing")) }
        let contents = try BackupContents.examine(place.file("backup"))
        #expect(await code { _ = try contents.key(passphrase: "something else") } == .badData)
    }

    @Test("rows that someone altered are restored as they are, and let nobody in")
    func alteredRows() async throws {
        let (place, machine) = (try Place(), try Place())
        let site = try await Site.made(place)
        _ = try await backup(site, to: place.file("backup"))
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: place.file("backup"))))
        try Data(try Forgery.makeEveryoneAdmin(bytes)).write(to: URL(fileURLWithPath: place.file("forged")))
        let directory = DataDirectory(path: machine.file("node"))
        _ = try await restore(place.file("forged"), into: directory, key: site.key)
        let key = site.key
        try await site.read(DatabaseURL(file: directory.file("asnode.db"))) { reader in
            let snapshot = try Snapshot.load(from: reader, key: key)
            #expect(snapshot.users.isEmpty && !snapshot.problems.isEmpty)
        }
    }

    @Test("a backup is one state, while others write")
    func online() async throws {
        let (place, machine) = (try Place(), try Place())
        let site = try await Site.made(place)
        let writer = Task {
            try await site.operate(site.url) { session in
                for number in 0..<200 where !Task.isCancelled {
                    _ = try await UserOperations(session).add("extra\(number)", password: nil)
                }
            }
        }
        for number in 0..<5 { _ = try await backup(site, to: place.file("backup\(number)")) }
        writer.cancel()
        _ = try? await writer.value
        for number in 0..<5 {
            let directory = DataDirectory(path: machine.file("node\(number)"))
            _ = try await restore(place.file("backup\(number)"), into: directory, key: site.key)
            let (users, added) = try await site.read(DatabaseURL(file: directory.file("asnode.db"))) { reader in
                let log = try reader.config.auditEntries(before: nil, limit: 1000).rows
                return (try reader.accounts.userCount(), log.count { $0.action == .addUser })
            }
            #expect(users == added)
        }
    }
}

/// Alters a backup and mends its checksums, as someone without the cluster's key can.
private enum Forgery {
    static func makeEveryoneAdmin(_ file: [UInt8]) throws -> [UInt8] {
        var encoder = BackupEncoder()
        var bytes: [UInt8] = []
        var position = 0
        var decoder = BackupDecoder { count in
            let part = Array(file[position...].prefix(count))
            position += part.count
            return part
        }
        var admin: Int?
        while let item = try decoder.next() {
            switch item {
            case .header(let header): bytes += encoder.header(header)
            case .key(let envelope): bytes += encoder.key(envelope)
            case .table(let name, let columns):
                admin = name == "users" ? columns.firstIndex(of: "admin") : nil
                bytes += encoder.table(
                    ContentTable(name, columns.map { ContentTable.Column($0, .integer) }, key: []))
            case .rows(let rows):
                bytes += encoder.rows(
                    rows.map { row in
                        var row = row
                        if let admin { row.values[admin] = .integer(1) }
                        return row
                    })
            case .end: bytes += encoder.end()
            }
        }
        return bytes
    }
}
