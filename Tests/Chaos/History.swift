import ClusterCore

/// Goes through the audit log change by change as if each had been made on a small model, and compares what comes out
/// with what the store has.
struct History {
    static let founder = "founder"

    private(set) var findings: [String] = []
    private var users: [UserID: (name: String, version: Int64)] = [:]
    private var limit = 0
    private var host: String?
    /// The revision that each operation made.
    private(set) var revisions: [String: Int64] = [:]

    init(_ image: StoreImage, _ deeds: Deeds) {
        limit = Settings(cluster: Names.cluster)[.maximumClients]
        let changes = Dictionary(grouping: image.audit, by: \.revision)
        checkNumbers(image, changes)
        for number in changes.keys.sorted() { replay(changes[number] ?? [], deeds) }
        compare(with: image)
        for deed in deeds.all.values { check(deed) }
    }

    private mutating func checkNumbers(_ image: StoreImage, _ changes: [Int64: [AuditEntry]]) {
        let numbers = changes.keys.sorted()
        if numbers != Array(1...max(image.revision, 1)) {
            let missing = Set(1...max(image.revision, 1)).symmetricDifference(numbers).sorted().prefix(5)
            findings.append("revisions 1 to \(image.revision) and the audit log differ at \(missing)")
        }
        var names: Set<ChangeID> = []
        for (number, entries) in changes {
            if entries.map(\.index) != Array(0..<entries.count) {
                findings.append("the audit entries of revision \(number) are \(entries.map(\.index))")
            }
            if Set(entries.map(\.change)).count != 1 || !names.insert(entries[0].change).inserted {
                findings.append("revision \(number) has no change id of its own")
            }
        }
    }

    private mutating func replay(_ entries: [AuditEntry], _ deeds: Deeds) {
        guard let first = entries.first else { return }
        let name = first.actor.name
        if name == Self.founder {
            for (index, id) in Names.busyUsers.enumerated() { users[id] = ("busy-\(index)", 1) }
            return
        }
        guard let deed = deeds.all[name] else {
            findings.append("revision \(first.revision) was made by \(name), which is in no journal")
            return
        }
        if let earlier = revisions.updateValue(first.revision, forKey: name) {
            findings.append("\(name) was applied twice, in revisions \(earlier) and \(first.revision)")
        }
        if Set(entries.map(\.actor.name)).count > 1 {
            findings.append("revision \(first.revision) has entries of several operations")
        }
        apply(deed, entries)
    }

    private mutating func apply(_ deed: Deeds.Deed, _ entries: [AuditEntry]) {
        let written = entries.map { "\($0.action.rawValue) \($0.entity.id)" }
        var expected: [String] = []
        switch deed.operation {
        case .addUser(let id, let name):
            expected = ["user.add \(id)"]
            add(id, name, deed.name)
        case .updateUser(let id):
            expected = ["user.update \(id)"]
            users[id]?.version += 1
        case .removeUser(let name):
            let holder = users.first { $0.value.name == name }?.key
            expected = ["user.remove \(holder.map { "\($0)" } ?? "of nobody")"]
            if let holder { users[holder] = nil }
        case .raiseLimit:
            expected = ["setting.set limit.clients"]
            limit += 1
            if entries.first?.detail != "\(limit)" {
                findings.append("\(deed.name) made the limit \(entries.first?.detail ?? ""), not \(limit)")
            }
        case .nameHost(let text):
            expected = ["setting.set hostname"]
            host = text
        case .changeTogether(let id, let name, let text, _):
            expected = ["user.add \(id)", "setting.set hostname"]
            add(id, name, deed.name)
            host = text
        default: break
        }
        if written != expected {
            findings.append(
                "\(deed.name), \(deed.operation.kind), wrote \(written) and should have written \(expected)")
        }
    }

    private mutating func add(_ id: UserID, _ name: String, _ deed: String) {
        if users.contains(where: { $0.value.name == name }) {
            findings.append("\(deed) added a second user named \(name)")
        }
        users[id] = (name, 1)
    }

    private mutating func compare(with image: StoreImage) {
        let stored = Dictionary(image.users.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for (id, user) in users where stored[id]?.name != user.name || stored[id]?.version != user.version {
            findings.append("user \(user.name) has not become what the audit log says")
        }
        for user in image.users {
            if users[user.id] == nil { findings.append("user \(user.name) is there against the audit log") }
            if Names.busyUsers.contains(user.id), user.isAdmin != user.version.isMultiple(of: 2) {
                findings.append("user \(user.name) lost an update")
            }
        }
        if image.settings["limit.clients"].map({ $0 != "\(limit)" })
            ?? (limit != Settings(cluster: Names.cluster)[.maximumClients])
        {
            findings.append("limit.clients is \(image.settings["limit.clients"] ?? "not set"), not \(limit)")
        }
        if image.settings["hostname"] != host { findings.append("hostname is not the one that was set last") }
    }

    private mutating func check(_ deed: Deeds.Deed) {
        switch deed.operation {
        case .addUser, .updateUser, .removeUser, .raiseLimit, .nameHost, .changeTogether: break
        default: return
        }
        let revision = revisions[deed.name]
        if revision == nil, !deed.outcome.mayBeMissing {
            findings.append("\(deed.name), \(deed.operation.kind), was acknowledged and is lost")
        }
        if let revision, !deed.outcome.mayBeThere {
            findings.append(
                "\(deed.name), \(deed.operation.kind), was refused (\(deed.reason ?? "")) and is in revision \(revision)"
            )
        }
        if let told = deed.result?.revision, revision != nil, told != revision {
            findings.append("\(deed.name) was told revision \(told) and made \(revision ?? 0)")
        }
    }
}
