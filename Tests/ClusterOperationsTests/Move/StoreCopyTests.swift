import ClusterCore
import ClusterOperations
import Foundation
import StorageBackends
import StorageSQL
import Testing
import VPNFormats

@Suite("Copying a store")
struct StoreCopyTests {
    private func code(_ body: () async throws -> Void) async -> OperationError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? OperationError)?.code
        }
    }

    @Test("brings everything along but sessions and other nodes, and begins a new lineage")
    func copies() async throws {
        let place = try Place()
        let site = try await Site.made(place)
        let target = place.url("target.db")
        var random = SystemRandomNumberGenerator()
        let other = NodeID(using: &random)
        try await site.operate(site.url) { session in
            try await session.backend.write { writer in
                let now = try writer.now()
                try writer.nodes.add(
                    Node(
                        id: other, name: "n2", hostname: "h2", softwareVersion: "1", createdAt: now, startedAt: now,
                        lastSeenAt: now))
            }
        }
        let before = try await site.read(site.url) { reader in
            (try reader.config.revision(), try #require(try reader.nodes.node(site.nodeID)))
        }
        let outcome = try await site.copy(to: target).run()
        #expect(!outcome.isResumed && !outcome.wasComplete && outcome.rows > 10)
        #expect(outcome.tables.first { $0.name == "users" }?.rows == 1)
        try await site.checkWhole(target, node: site.nodeID)
        let after = try await site.read(target) { reader in
            (try reader.config.revision(), try #require(try reader.nodes.node(site.nodeID)))
        }
        #expect(after.0.lineage != before.0.lineage && after.0.number == before.0.number + 1)
        #expect(after.1.epoch == before.1.epoch + 1 && after.1.subnets == before.1.subnets)
        let delta = try await site.read(target) { try $0.config.changes(since: before.0) }
        #expect(delta == .reloadAll(after.0))
    }

    @Test("from its first step on the source takes no writes and can be read")
    func sourceIsLeft() async throws {
        let place = try Place()
        let site = try await Site.made(place)
        await #expect(throws: Countdown.BrokenOff.self) {
            try await site.copy(to: place.url("target.db"), breakingOffAt: 2).run()
        }
        let error = await #expect(throws: StorageError.self) {
            try await site.operate(site.url) { _ = try await UserOperations($0).add("user2", password: nil) }
        }
        #expect(error?.code == .moving && error?.description.contains("target.db") == true)
        #expect(try await site.read(site.url) { try $0.accounts.userCount() } == 1)
        // Nor does the target, until it is complete.
        await #expect(throws: Countdown.BrokenOff.self) {
            try await site.copy(to: place.url("target.db"), breakingOffAt: 5).run()
        }
        let refused = await #expect(throws: StorageError.self) {
            try await site.operate(place.url("target.db")) { session in
                try await session.backend.write { try $0.pruneAuditLog(before: .epoch, limit: 1) }
            }
        }
        #expect(refused?.code == .moving)
    }

    @Test("a run that breaks off after any step is completed by the next one")
    func resumes() async throws {
        let place = try Place()
        let site = try await Site.made(place)
        let original = try Data(contentsOf: URL(fileURLWithPath: site.directory.file(DataDirectory.databaseName)))
        var steps: [String] = []
        for number in 1... {
            try original.write(to: URL(fileURLWithPath: site.directory.file(DataDirectory.databaseName)))
            let target = place.url("target\(number).db")
            do {
                _ = try await site.copy(to: target, breakingOffAt: number).run()
                break
            } catch let broken as Countdown.BrokenOff {
                steps.append(broken.step)
            }
            let outcome = try await site.copy(to: target).run()
            #expect(outcome.wasComplete == (steps.last == "finished"), "\(steps)")
            #expect(outcome.isResumed == (steps.last != "checked"), "\(steps)")
            try await site.checkWhole(target, node: site.nodeID)
            #expect(try await site.copy(to: target).run().wasComplete)
        }
        #expect(
            Set(steps) == ["checked", "markedSource", "markedTarget", "loadedPage", "loaded", "verified", "finished"])
    }

    @Test("a run that breaks off after any step can be undone until it is complete")
    func aborts() async throws {
        let place = try Place()
        let site = try await Site.made(place)
        let target = place.url("target.db")
        for number in 1... {
            guard let broken = await brokenOff(site.copy(to: target, breakingOffAt: number)) else { break }
            if broken.step == "finished" {
                let code = await code { _ = try await site.copy(to: target).abort() }
                #expect(code == .configuration)
                break
            }
            #expect(try await site.copy(to: target).abort() == (broken.step != "checked"), "\(broken.step)")
            #expect(try await site.copy(to: target).abort() == false)
            try await site.operate(site.url) {
                _ = try await UserOperations($0).add("after\(number)", password: nil)
            }
            let isEmpty = try await site.read(target) { try ($0 as? any ContentReader)?.isEmpty() }
            #expect(isEmpty == true, "\(broken.step)")
            #expect(try await site.read(target) { try $0.state().phase } == .ready)
        }
    }

    private func brokenOff(_ copy: StoreCopy) async -> Countdown.BrokenOff? {
        do {
            _ = try await copy.run()
            return nil
        } catch {
            return error as? Countdown.BrokenOff
        }
    }

    @Test("a target that is not empty, the source itself, and a move to elsewhere are refused before anything is done")
    func refusals() async throws {
        let place = try Place()
        let (site, target) = (try await Site.made(place), place.url("target.db"))
        let strange = try Place()
        let stranger = try await Site.made(strange)
        let twin = place.url("twin.db")
        try FileManager.default.copyItem(
            atPath: site.directory.file(DataDirectory.databaseName), toPath: place.file("twin.db"))
        #expect(await code { _ = try await site.copy(to: stranger.url).run() } == .alreadyExists)
        #expect(await code { _ = try await site.copy(to: site.url).run() } == .invalidArgument)
        #expect(try await site.read(site.url) { try $0.state().phase } == .ready)
        #expect(await brokenOff(site.copy(to: target, breakingOffAt: 4)) != nil)
        #expect(await code { _ = try await site.copy(to: place.url("other.db")).run() } == .configuration)
        #expect(await code { _ = try await site.copy(to: place.url("other.db")).abort() } == .configuration)
        // What one copy has begun to fill is no target of another one, nor a source.
        let second = StoreCopy(from: site.place(twin), to: site.place(target), node: site.nodeID, actor: Site.actor)
        #expect(await code { _ = try await second.run() } == .alreadyExists)
        #expect(await code { _ = try await second.abort() } == .configuration)
        let tampered = await #expect(throws: StorageError.self) { try await stranger.copy(to: target).run() }
        #expect(tampered?.code == .tampered)
        #expect(try await site.copy(to: target).run().isResumed)
    }

    @Test("a dry run counts and changes nothing")
    func dryRun() async throws {
        let place = try Place()
        let (site, target) = (try await Site.made(place), place.url("target.db"))
        let plan = try await site.copy(to: target).plan()
        #expect(plan.rows > 10 && !plan.isResumed && !plan.wasComplete)
        #expect(!FileManager.default.fileExists(atPath: place.file("target.db")))
        #expect(try await site.read(site.url) { try $0.state().phase } == .ready)
        _ = try await site.copy(to: target).run()
        #expect(try await site.copy(to: target).plan().wasComplete)
    }

    @Test("thousands of users come along page by page, also when a page in the middle breaks it off")
    func manyRows() async throws {
        let place = try Place()
        let (site, target) = (try await Site.made(place), place.url("target.db"))
        try await site.operate(site.url) { session in
            for part in 0..<5 {
                try await session.backend.write { writer in
                    try writer.change(by: Site.actor) { change in
                        var random = SystemRandomNumberGenerator()
                        for number in 0..<1_000 {
                            try change.add(
                                User(
                                    id: UserID(using: &random), name: "übung \(part)-\(number)",
                                    tokensValidFrom: .epoch, createdAt: .epoch))
                        }
                    }
                }
            }
        }
        // The audit log has more than 5,000 rows too, and is loaded page by page after the users.
        for number in [6, 8, 4] {
            #expect(await brokenOff(site.copy(to: target, breakingOffAt: number))?.step == "loadedPage")
        }
        let outcome = try await site.copy(to: target).run()
        #expect(outcome.tables.first { $0.name == "users" }?.rows == 5_001)
        #expect(try await site.read(target) { try $0.accounts.userCount() } == 5_001)
        try await site.checkWhole(target, node: site.nodeID)
    }

    @Test("a row that changes on the way is found before the target is used")
    func checksum() async throws {
        let place = try Place()
        let (site, target) = (try await Site.made(place), place.url("target.db"))
        #expect(await brokenOff(site.copy(to: target, breakingOffAt: 4)) != nil)
        let backend = try await site.open(target)
        let portable = try #require(backend as? any PortableStorage)
        let settings = try #require(portable.content.first { $0.name == "settings" })
        try await portable.writeContent(in: .importing) { writer in
            try writer.load([ContentRow([.text("a"), .text("b"), .bytes([1])])], into: settings)
        }
        await backend.close()
        #expect(await code { _ = try await site.copy(to: target).run() } == .badData)
        #expect(try await site.read(target) { try $0.state().phase } == .importing)
        #expect(try await site.copy(to: target).abort())
        #expect(try await !site.copy(to: target).run().isResumed)
    }

    @Test("the settings name the new database and keep the old file beside")
    func settings() async throws {
        let place = try Place()
        let (site, target) = (try await Site.made(place), place.url("target.db"))
        let old = try Data(contentsOf: URL(fileURLWithPath: site.directory.file("node.yaml")))
        #expect(try await site.directory.setDatabase(target.text))
        #expect(try await !site.directory.setDatabase(target.text))
        var settings = site.settings
        settings.databaseURL = target.text
        #expect(try await NodeSettings.load(from: site.directory, environment: [:]) == settings)
        #expect(try Data(contentsOf: URL(fileURLWithPath: site.directory.file("node.yaml.before-copy"))) == old)
    }
}
