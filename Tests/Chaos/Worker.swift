import ClusterCore
import Foundation
import Glibc
import StorageBackends
import StorageSQL
import Synchronization

/// A process that changes the store, in a node's place and in two operators', and writes down what it is told.
final class Worker: Sendable {
    enum Outcome {
        case acknowledged(Result)
        case refused(StorageError.Code?)
        case unknown
    }

    /// The exit code of a node that found another process in its place.
    static let fencedExit: CInt = 75

    let plan: WorkerPlan
    let store: any StorageBackend
    let journal: Journal
    private let count = Atomic(0)
    /// The highest revision that this process was told of.
    private let seen = Atomic<Int64>(0)

    private init(_ plan: WorkerPlan, store: any StorageBackend, journal: Journal) {
        self.plan = plan
        self.store = store
        self.journal = journal
    }

    /// Runs until standard input ends, which it does when the parent says so or is gone.
    static func run() async throws -> CInt {
        guard let text = ProcessInfo.processInfo.environment[WorkerPlan.variable] else {
            throw Failure("a worker is started by `chaos` alone")
        }
        let plan = try JSONDecoder().decode(WorkerPlan.self, from: Data(text.utf8))
        let journal = try Journal(path: plan.journal)
        let url = try DatabaseURL(plan.url)
        let options = try DatabaseOptions.chaos(patience: .seconds(5))
        let isOver = Flag()
        Thread.detachNewThread {
            while FileHandle.standardInput.availableData.count > 0 {}
            isOver.raise()
        }
        while !isOver.isRaised {
            do {
                let worker = Worker(plan, store: try await url.open(.existing, options: options), journal: journal)
                return await worker.work(until: isOver)
            } catch let error as StorageError {
                guard [.unavailable, .timeout, .connectionLost, .busy, .readOnly].contains(error.code) else {
                    journal.append(.complains("the store cannot be opened: \(error.code) \(error)"))
                    return 1
                }
                usleep(200_000)
            }
        }
        return 0
    }

    private func work(until isOver: Flag) async -> CInt {
        var generator = SeededGenerator(seed: plan.seed)
        let seeds = (0..<3).map { _ in generator.next() }
        let isFenced = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                // A lane can be had of every store that is open.
                guard let node = try? await ServingNode(self, seed: seeds[0]) else { return false }
                return await node.run(until: isOver)
            }
            group.addTask {
                await self.watch(until: isOver)
                return false
            }
            for seed in seeds.dropFirst() {
                group.addTask {
                    await Operator(self, seed: seed).run(until: isOver)
                    return false
                }
            }
            return await group.reduce(false) { $0 || $1 }
        }
        await store.close()
        return isFenced ? Self.fencedExit : 0
    }

    /// A name that no other operation has.
    func newName() -> String {
        "\(plan.slot)-\(plan.incarnation)-\(count.add(1, ordering: .relaxed).newValue)"
    }

    /// Tries an operation and writes down how it went.
    ///
    /// - Parameter store: The pool or a lane of it.
    func attempt(
        _ operation: Operation, on store: any StorageBackend, cancelledAfter limit: Duration?
    ) async -> Outcome {
        let name = newName()
        let isForgotten = plan.mistake == .forgetsJournal && count.load(ordering: .relaxed) % 20 == 0
        func note(_ entry: Entry) { if !isForgotten { journal.append(entry) } }
        note(.begins(name, operation))
        if plan.mistake == .acknowledgesEarly { note(.acknowledged(name, Result())) }
        do {
            let result = try await Self.limited(to: limit) { try await self.write(operation, as: name, to: store) }
            if plan.mistake != .acknowledgesEarly { note(.acknowledged(name, result)) }
            if let revision = result.revision { raiseSeen(to: revision) }
            return .acknowledged(result)
        } catch let error as StorageError where error.code == .commitUnknown {
            note(.unknown(name))
            return .unknown
        } catch {
            let code = (error as? StorageError)?.code
            note(.refused(name, reason: Self.reason(error)))
            if let code, [.corrupt, .tampered, .malformedRow, .misuse, .closed].contains(code) {
                note(.complains("\(operation.kind): \(code): \(error)"))
            }
            return .refused(code)
        }
    }

    /// Looks at each revision as a running node does: none is older than what was known before the look began.
    private func watch(until isOver: Flag) async {
        var known = seenRevision
        for await sighting in store.watch() {
            if isOver.isRaised { return }
            if case .read(let revision, _, _) = sighting {
                if revision.number < known {
                    journal.append(.complains("the watch saw revision \(revision.number) after \(known) was known"))
                }
                raiseSeen(to: revision.number)
            }
            known = seenRevision
        }
    }

    /// The highest revision that was acknowledged to this process, or shown to it.
    var seenRevision: Int64 { seen.load(ordering: .acquiring) }

    func raiseSeen(to revision: Int64) { _ = seen.max(revision, ordering: .acquiringAndReleasing) }

    private static func limited<T: Sendable>(
        to limit: Duration?, _ body: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        guard let limit else { return try await body() }
        let task = Task { try await body() }
        let end = Task {
            try await Task.sleep(for: limit)
            task.cancel()
        }
        defer { end.cancel() }
        return try await task.value
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as Refusal: error.reason
        case is CancellationError: "cancelled"
        case let error as StorageError where error.code == .failed: "failed \(error.nativeCode) \(error.message)"
        case let error as StorageError: "\(error.code)"
        default: "\(type(of: error))"
        }
    }
}

/// Something that happens once.
final class Flag: Sendable {
    private let value = Atomic(false)

    var isRaised: Bool { value.load(ordering: .acquiring) }
    func raise() { value.store(true, ordering: .releasing) }
}
