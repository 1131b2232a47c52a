import DatabaseServers
import Foundation
import StorageSQL
import Synchronization

/// What went wrong, and when, as far as it was done on purpose.
final class FaultLog: Sendable {
    private struct State {
        var counts: [String: Int] = [:]
        var timeline: [String] = []
        /// When the store could be expected to serve, in microseconds of the machine's clock.
        var healthy: [Range<Int64>] = []
        var healthySince: Int64? = MonotonicClock.microseconds
    }

    private let state = Mutex(State())

    /// - Parameter victim: Which server or worker.
    func count(_ fault: String, _ victim: Int) {
        state.withLock { state in
            state.counts[fault, default: 0] += 1
            state.timeline.append("\(MonotonicClock.microseconds) \(fault) \(victim)")
        }
    }

    /// The store cannot be expected to serve from now on.
    func beginOutage() {
        state.withLock { state in
            if let since = state.healthySince { state.healthy.append(since..<MonotonicClock.microseconds) }
            state.healthySince = nil
        }
    }

    func endOutage() { state.withLock { $0.healthySince = MonotonicClock.microseconds } }

    var counts: [String: Int] { state.withLock { $0.counts } }
    /// Each fault as a line, with its time on the clock of the journals.
    var timeline: [String] { state.withLock { $0.timeline } }
    var healthy: [Range<Int64>] { state.withLock { $0.healthy } }
}

/// Does harm to servers and their networks, one thing at a time, so that of three servers two are well.
struct ServerFaults {
    enum Fault: String, CaseIterable {
        case kill = "server killed"
        case restart = "server restarted"
        case pause = "server paused"
        case isolate = "server cut off from the others"
        case cut = "connections cut"
        case breaking = "connections ending at any moment"
        case hold = "network held"
        case refuse = "network refused"
        case loseAnswers = "answers lost"
    }

    let site: Site
    let log: FaultLog
    var generator: SeededGenerator

    mutating func run(until end: ContinuousClock.Instant) async throws {
        guard !site.servers.isEmpty else { return }
        let faults = Fault.allCases.filter { $0 != .isolate || site.kind == .galera }
        while true {
            let pause = Double.random(in: 0.3...2.5, using: &generator)
            try await Task.sleep(for: .seconds(pause))
            guard ContinuousClock.now < end else { return }
            let fault = generator.pick(faults)
            let victim = Int.random(in: 0..<site.servers.count, using: &generator)
            log.count(fault.rawValue, victim)
            // With three servers, one is no outage.
            let isOutage = site.kind != .galera && fault != .breaking && fault != .cut
            if isOutage { log.beginOutage() }
            try await harm(fault, victim, seconds: Double.random(in: 0.1...4, using: &generator))
            if isOutage { log.endOutage() }
        }
    }

    private func harm(_ fault: Fault, _ victim: Int, seconds: Double) async throws {
        let (server, link) = (site.servers[victim], site.links[victim])
        func during(_ mode: Link.Mode) async throws {
            link.set(mode)
            try await Task.sleep(for: .seconds(seconds))
            link.set(.open)
        }
        switch fault {
        case .kill:
            try await onBlockingThread("fault") { server.process.kill() }
            try await Task.sleep(for: .seconds(seconds / 2))
            try await onBlockingThread("fault") { try server.start() }
        case .restart:
            try await onBlockingThread("fault") {
                server.stop()
                try server.start()
            }
        case .pause:
            try await onBlockingThread("fault") { server.process.pause() }
            try await Task.sleep(for: .seconds(seconds * 2))
            try await onBlockingThread("fault") {
                server.process.resume()
                try Self.settle(server)
            }
        case .isolate:
            try await onBlockingThread("fault") {
                _ = try server.run(sql: "SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'")
            }
            try await Task.sleep(for: .seconds(seconds * 2))
            try await onBlockingThread("fault") {
                try server.run(sql: "SET GLOBAL wsrep_provider_options = 'gmcast.isolate=0'")
                try Self.settle(server)
            }
        case .cut: link.cut()
        case .breaking: try await during(.breaking)
        case .hold: try await during(.holding)
        case .refuse: try await during(.refusing)
        case .loseAnswers: try await during(.losingAnswers)
        }
    }

    /// Waits until a member of a cluster is one of the majority again.
    private static func settle(_ server: any DatabaseServer) throws {
        guard let member = server as? MariaDBServer else { return }
        try member.waitUntil { try member.isReady() }
    }
}

/// Does harm to workers.
struct WorkerFaults {
    enum Fault: String, CaseIterable {
        case kill = "worker killed"
        case pause = "worker paused"
        case double = "worker paused and replaced, then resumed"
    }

    let crew: Crew
    let count: Int
    let log: FaultLog
    var generator: SeededGenerator

    mutating func run(until end: ContinuousClock.Instant) async throws {
        while true {
            try await Task.sleep(for: .seconds(Double.random(in: 0.3...2, using: &generator)))
            guard ContinuousClock.now < end else { return }
            try await crew.lookAfter()
            let fault = generator.pick([.kill, .kill, .kill, .pause, .double] as [Fault])
            let slot = Int.random(in: 0..<count, using: &generator)
            log.count(fault.rawValue, slot)
            let time = Duration.seconds(Double.random(in: 0.05...3, using: &generator))
            switch fault {
            case .kill: try await crew.kill(slot)
            case .pause:
                await crew.pause(slot)
                try await Task.sleep(for: time)
                await crew.resume(slot)
            case .double:
                await crew.pause(slot)
                try await crew.double(slot)
                try await Task.sleep(for: time)
                await crew.resume(slot)
            }
        }
    }
}
