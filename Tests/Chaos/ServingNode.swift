import ClusterCore
import Foundation

/// Does what a running node does: begins an epoch, renews its row with each transaction, reports its sessions.
struct ServingNode {
    private let worker: Worker
    /// A connection of its own, for what must not be late.
    private let store: any StorageBackend
    private let node: NodeID
    private var generator: SeededGenerator
    private var lease: Lease?
    private var live: [SessionRecordID: UInt32] = [:]
    /// Whether a commit of this process may have landed that it does not know of.
    private var isInDoubt = false

    init(_ worker: Worker, seed: UInt64) async throws {
        self.worker = worker
        self.store = try await worker.store.lane("node", limits: LaneLimits())
        self.node = Names.node(worker.plan.slot)
        self.generator = SeededGenerator(seed: seed)
    }

    /// - Returns: Whether another process turned out to run as this node.
    consuming func run(until isOver: Flag) async -> Bool {
        while !isOver.isRaised {
            guard let lease else {
                await beginEpoch()
                continue
            }
            switch await worker.attempt(nextReport(lease), on: store, cancelledAfter: limit()) {
            case .acknowledged(let result): self.lease = result.lease ?? lease
            case .unknown:
                isInDoubt = true
                await look(isFenced: false)
            case .refused(.some(.fenced)):
                if await look(isFenced: true) { return true }
            case .refused(let code):
                let isOrdinary = code == nil || code?.constraintName != nil
                if !isOrdinary { try? await Task.sleep(for: .milliseconds(30)) }
            }
        }
        return false
    }

    private mutating func beginEpoch() async {
        guard let row = try? await store.read({ [node] in try $0.nodes.node(node) }) else {
            return (try? await Task.sleep(for: .milliseconds(100))) ?? ()
        }
        if case .acknowledged(let result) = await worker.attempt(
            .beginEpoch(node: node, after: row.epoch), on: store, cancelledAfter: nil)
        {
            lease = result.lease
        }
    }

    /// Reads the row again after its state became doubtful.
    ///
    /// - Returns: Whether another process runs as this node.
    @discardableResult
    private mutating func look(isFenced: Bool) async -> Bool {
        guard let known = lease else { return false }
        while true {
            guard let row = try? await store.read({ [node] in try $0.nodes.node(node) }) else {
                try? await Task.sleep(for: .milliseconds(100))
                continue
            }
            if row.epoch != known.epoch, worker.plan.mistake != .ignoresFence { return true }
            if isFenced, !isInDoubt, row.epoch == known.epoch {
                worker.journal.append(
                    .complains("fenced in epoch \(row.epoch), generation \(known.generation), by nobody"))
            }
            lease = Lease(node: node, epoch: row.epoch, generation: row.generation)
            return false
        }
    }

    private mutating func nextReport(_ lease: Lease) -> Operation {
        let some = live.keys.sorted().prefix(Int.random(in: 1...5, using: &generator))
        switch Int.random(in: 0..<10, using: &generator) {
        case 0..<4 where !some.isEmpty:
            return .updateSessions(
                lease: lease, sessions: Array(some), bytes: MonotonicClock.microseconds)
        case 4..<7 where !some.isEmpty:
            for id in some { live[id] = nil }
            return .endSessions(lease: lease, sessions: Array(some))
        default:
            return .beginSessions(lease: lease, sessions: newSessions())
        }
    }

    private mutating func newSessions() -> [NewSession] {
        var sessions: [NewSession] = []
        var taken = Set(live.values)
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            let address =
                generator.happens(oneIn: 20)
                ? generator.pick(Names.wantedAddresses)
                : 0x0a00_0000 + UInt32(worker.plan.slot) << 16 + UInt32.random(in: 1...500, using: &generator)
            guard taken.insert(address).inserted else { continue }
            sessions.append(NewSession(id: SessionRecordID(using: &generator), address: address))
        }
        for session in sessions { live[session.id] = session.address }
        return sessions
    }

    private mutating func limit() -> Duration? {
        generator.happens(oneIn: 40) ? .milliseconds(Int.random(in: 0...20, using: &generator)) : nil
    }
}
