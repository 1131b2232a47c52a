import ClusterCore
import DatabaseServers
import Foundation
import Glibc
import StorageSQL

/// One store, broken for a while, healed, and judged.
struct Round {
    /// So long may nothing be written while the store should serve; more is a hang.
    private static let longestStall = 60.0

    var kind: Site.Kind
    var seconds: Int
    var workers: Int
    var seed: UInt64
    var mistake: Mistake?

    /// - Returns: Whether the store kept its promises.
    func run() async throws -> Bool {
        var generator = SeededGenerator(seed: seed)
        let seeds = (0..<3).map { _ in generator.next() }
        let begin = ContinuousClock.now
        let site = try await onBlockingThread("site") { [kind] in try Site(kind) }
        try await site.found()
        print("the store is there after \(Self.seconds(since: begin)) s")
        let log = FaultLog()
        let crew = try Crew(site, count: workers, seed: seeds[0], mistake: mistake)
        try await crew.start()
        try await harm(site, crew, log, seeds)
        let ended = try await onBlockingThread("heal") { try site.heal() }
        for server in ended { log.count("server ended by itself", server) }
        try await crew.stop()
        // What was on its way when the network was healed may still land.
        try await Task.sleep(for: .seconds(2))
        return try await judge(site, crew, log)
    }

    private func harm(_ site: Site, _ crew: Crew, _ log: FaultLog, _ seeds: [UInt64]) async throws {
        let end = ContinuousClock.now + .seconds(seconds)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                var faults = ServerFaults(site: site, log: log, generator: SeededGenerator(seed: seeds[1]))
                try await faults.run(until: end)
            }
            group.addTask { [workers] in
                var faults = WorkerFaults(
                    crew: crew, count: workers, log: log, generator: SeededGenerator(seed: seeds[2]))
                try await faults.run(until: end)
            }
            try await group.waitForAll()
        }
        try await Task.sleep(until: end)
        log.beginOutage()
    }

    private func judge(_ site: Site, _ crew: Crew, _ log: FaultLog) async throws -> Bool {
        let deeds = Deeds(
            journals: try await crew.journals.compactMap { path in
                // A worker that was killed at once has none.
                FileManager.default.fileExists(atPath: path) ? try Journal.lines(of: path) : nil
            })
        var images: [StoreImage] = []
        for url in site.directURLs { images.append(try await StoreImage.read(from: url)) }
        var findings = await crew.findings + Referee(images[0], deeds).findings
        for (index, image) in images.enumerated() where image != images[0] {
            findings.append("server \(index + 1) has not what the first has")
        }
        if kind == .sqlite {
            let said = try Programs.run("sqlite3", ["\(site.directory.path)/store.db", "PRAGMA integrity_check"])
            if said != "ok\n" { findings.append("the file is damaged: \(said)") }
        }
        let stall = deeds.longestStall(in: log.healthy)
        if stall > Self.longestStall { findings.append("nothing was written for \(stall) s") }
        if deeds.progress.isEmpty { findings.append("nothing was ever acknowledged") }
        Report(deeds: deeds, faults: log.counts, stall: stall, findings: findings, seed: seed).show()
        if !findings.isEmpty { try keepEvidence(site, log, images) }
        return findings.isEmpty
    }

    /// Copies what a person needs to find out what happened: journals, logs, faults, audit log.
    private func keepEvidence(_ site: Site, _ log: FaultLog, _ images: [StoreImage]) throws {
        let place = NSTemporaryDirectory() + "chaos-\(kind)-\(seed)-\(getpid())"
        try Programs.run("cp", ["-a", site.directory.path, place])
        for (index, server) in site.servers.enumerated() {
            try Programs.run("cp", ["\(server.directory.path)/server.log", "\(place)/server-\(index + 1).log"])
        }
        let faults = log.timeline.joined(separator: "\n")
        try faults.write(toFile: "\(place)/faults", atomically: true, encoding: .utf8)
        for (index, image) in images.enumerated() {
            let audit = image.audit.map {
                "\($0.revision) \($0.index) \($0.at) \($0.actor.name) \($0.action.rawValue) \($0.entity.id) \($0.detail)"
            }
            try audit.joined(separator: "\n").write(
                toFile: "\(place)/audit-\(index + 1)", atomically: true, encoding: .utf8)
        }
        print("evidence: \(place)")
    }

    private static func seconds(since begin: ContinuousClock.Instant) -> Int {
        Int((ContinuousClock.now - begin).components.seconds)
    }
}
