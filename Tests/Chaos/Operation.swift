import ClusterCore
import VPNFormats

/// One transaction of a worker, with all that it needs, so that it can be written down before it is tried.
enum Operation: Codable, Sendable {
    // What an operator does: configuration.
    case addUser(id: UserID, name: String)
    case updateUser(id: UserID)
    case removeUser(name: String)
    case raiseLimit
    case nameHost(String)
    /// A user, a setting and a counter in one transaction.
    case changeTogether(id: UserID, name: String, host: String, counter: UserID)

    // What has no revision.
    case count(counter: UserID)
    case transfer(from: UserID, to: UserID, amount: Int)

    // What a node does; each renews its row and takes the next number of its counter.
    case beginEpoch(node: NodeID, after: Int64)
    case beginSessions(lease: Lease, sessions: [NewSession])
    case updateSessions(lease: Lease, sessions: [SessionRecordID], bytes: Int64)
    case endSessions(lease: Lease, sessions: [SessionRecordID])

    /// The word for it in the report.
    var kind: String { Mirror(reflecting: self).children.first?.label ?? "\(self)" }
}

/// A ``ClusterCore/NodeLease`` that can be written down.
struct Lease: Codable, Hashable, Sendable {
    var node: NodeID
    var epoch: Int64
    var generation: Int64
}

struct NewSession: Codable, Hashable, Sendable {
    var id: SessionRecordID
    var address: UInt32
}

/// What a committed operation saw and wrote.
struct Result: Codable, Sendable {
    /// The revision that it made.
    var revision: Int64?
    /// The versions of the rows that are counted, as it wrote them.
    var versions: [UserID: Int64] = [:]
    var lease: Lease?
}

/// Why an operation decided against itself.
struct Refusal: Error {
    var reason: String
}

extension Operation {
    /// Runs as the body of a transaction: decides anew each time, and has no effect elsewhere.
    func apply(as name: String, to writer: any StorageWriter) throws -> Result {
        var result = Result()
        switch self {
        case .addUser, .updateUser, .removeUser, .raiseLimit, .nameHost:
            try writer.change(by: AuditActor(kind: .operator, name: name)) { try configure($0) }
            result.revision = try writer.config.revision().number
        case .changeTogether(_, _, _, let counter):
            try writer.change(by: AuditActor(kind: .operator, name: name)) { try configure($0) }
            result.revision = try writer.config.revision().number
            try Self.add(1, to: counter, writer, &result)
        case .count(let counter):
            try Self.add(1, to: counter, writer, &result)
        case .transfer(let source, let target, let amount):
            try Self.add(-amount, to: source, writer, &result)
            try Self.add(amount, to: target, writer, &result)
        case .beginEpoch(let node, let epoch):
            let begun = try writer.nodes.beginEpoch(
                of: node, after: epoch, hostname: "chaos", softwareVersion: "0")
            result.lease = Lease(node: node, epoch: begun.epoch, generation: begun.generation)
            try writer.sessions.endSessions(
                of: node, beforeEpoch: begun.epoch, reason: name, limit: StorageLimits.batchRows)
            try Self.add(1, to: Names.counter(of: node), writer, &result)
        case .beginSessions(let lease, _), .updateSessions(let lease, _, _), .endSessions(let lease, _):
            let renewed = try writer.nodes.renew(
                NodeLease(node: lease.node, epoch: lease.epoch, generation: lease.generation))
            result.lease = Lease(node: renewed.node, epoch: renewed.epoch, generation: renewed.generation)
            try Self.add(1, to: Names.counter(of: lease.node), writer, &result)
            try report(as: name, lease, writer)
        }
        return result
    }

    private func configure(_ change: any ConfigurationChange) throws {
        switch self {
        case .addUser(let id, let name):
            try change.add(Names.user(id, name))
        case .updateUser(let id):
            guard var user = try change.reader.accounts.user(id) else { throw Refusal(reason: "absent") }
            user.isAdmin.toggle()
            try change.update(user)
        case .removeUser(let name):
            guard let user = try change.reader.accounts.user(named: name) else { throw Refusal(reason: "absent") }
            try change.removeUser(user.id)
        case .raiseLimit:
            let limit = try change.reader.config.settings().value[.maximumClients]
            try change.set(.maximumClients, to: limit + 1)
        case .nameHost(let host):
            try change.set("hostname", to: host)
        case .changeTogether(let id, let name, let host, _):
            try change.add(Names.user(id, name))
            try change.set("hostname", to: host)
        default:
            break
        }
    }

    private func report(as name: String, _ lease: Lease, _ writer: any StorageWriter) throws {
        let now = try writer.now()
        switch self {
        case .beginSessions(_, let sessions):
            try writer.sessions.begin(sessions.map { Names.session($0, lease, at: now) })
        case .updateSessions(_, let sessions, let bytes):
            let traffic = Traffic(bytesReceived: bytes, bytesSent: bytes)
            try writer.sessions.update(
                sessions.map { SessionUpdate(id: $0, remoteAddress: Names.remote, traffic: traffic) })
        case .endSessions(_, let sessions):
            try writer.sessions.end(sessions.map { SessionEnd(id: $0, at: now, reason: name, traffic: nil) })
        default:
            break
        }
    }

    /// Adds to a counted row, whose version tells how often that was done.
    private static func add(
        _ amount: Int, to counter: UserID, _ writer: any StorageWriter, _ result: inout Result
    ) throws {
        guard var row = try writer.accounts.loginFailures(of: counter) else { throw Refusal(reason: "no counter") }
        guard row.count + amount >= 0 else { throw Refusal(reason: "poor") }
        row.count += amount
        result.versions[counter] = try writer.accounts.record(row).version
    }
}
