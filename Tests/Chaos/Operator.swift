import ClusterCore
import Foundation

/// Does what operators do at the command lines of several machines at once, and reads what it was told is there.
struct Operator {
    private let worker: Worker
    private var generator: SeededGenerator
    /// Users that nobody else touches.
    private var own: [(id: UserID, name: String)] = []

    init(_ worker: Worker, seed: UInt64) {
        self.worker = worker
        self.generator = SeededGenerator(seed: seed)
    }

    consuming func run(until isOver: Flag) async {
        while !isOver.isRaised {
            let chance = Int.random(in: 0..<100, using: &generator)
            if chance < 10 {
                await look()
            } else if chance < 25 {
                await addOwn()
            } else {
                await attempt(nextChange(chance))
            }
        }
    }

    @discardableResult
    private mutating func attempt(_ operation: Operation) async -> Bool {
        let limit: Duration? =
            generator.happens(oneIn: 40) ? .milliseconds(Int.random(in: 0...20, using: &generator)) : nil
        switch await worker.attempt(operation, on: worker.store, cancelledAfter: limit) {
        case .acknowledged: return true
        case .refused(let code):
            let isOrdinary = code == nil || code?.constraintName != nil
            if !isOrdinary { try? await Task.sleep(for: .milliseconds(30)) }
            return false
        case .unknown: return false
        }
    }

    private mutating func nextChange(_ chance: Int) -> Operation {
        switch chance {
        case ..<35 where !own.isEmpty:
            return .removeUser(name: own.remove(at: Int.random(in: 0..<own.count, using: &generator)).name)
        case ..<48: return .updateUser(id: generator.pick(Names.busyUsers))
        case ..<56: return .addUser(id: UserID(using: &generator), name: generator.pick(Names.wanted))
        case ..<64: return .removeUser(name: generator.pick(Names.wanted))
        case ..<70: return .raiseLimit
        case ..<74: return .nameHost("\(worker.newName()).example")
        case ..<82:
            let name = worker.newName()
            return .changeTogether(
                id: UserID(using: &generator), name: "t\(name)", host: "t\(name).example",
                counter: generator.pick(Names.counters))
        case ..<91: return .count(counter: generator.pick(Names.counters))
        default:
            let pair = Names.accounts.shuffled(using: &generator)
            return .transfer(from: pair[0], to: pair[1], amount: Int.random(in: 1...100, using: &generator))
        }
    }

    /// Adds a user and sometimes looks whether it is there.
    private mutating func addOwn() async {
        let user = (id: UserID(using: &generator), name: "u\(worker.newName())")
        guard await attempt(.addUser(id: user.id, name: user.name)) else { return }
        own.append(user)
        guard generator.happens(oneIn: 2), worker.plan.mistake == nil else { return }
        // A store that cannot be read now says nothing about what is in it.
        guard let found = try? await worker.store.read({ try $0.accounts.user(user.id)?.name ?? "" }) else { return }
        if found != user.name { worker.journal.append(.complains("a user that was added is not there to be read")) }
    }

    /// Looks at one state of the store.
    private func look() async {
        let before = worker.seenRevision
        let state = try? await worker.store.read { reader in
            let wealth = try Names.accounts.reduce(0) { try $0 + (reader.accounts.loginFailures(of: $1)?.count ?? 0) }
            return (revision: try reader.config.revision().number, wealth: wealth)
        }
        guard let state else { return }
        if state.wealth != Names.wealth * Names.accounts.count {
            worker.journal.append(.complains("a read saw \(state.wealth) in the accounts, in the middle of a transfer"))
        }
        if state.revision < before {
            worker.journal.append(
                .complains("a read saw revision \(state.revision) after \(before) was acknowledged or seen"))
        }
        worker.raiseSeen(to: state.revision)
    }
}
