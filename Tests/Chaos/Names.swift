import ClusterCore
import VPNFormats

/// The things that all workers know of.
enum Names {
    static let nodes = 8
    static let counters = (0..<3).map { id(of: 1, $0) as UserID }
    static let accounts = (0..<6).map { id(of: 2, $0) as UserID }
    static let wealth = 1000
    /// Users that are changed by all.
    static let busyUsers = (0..<3).map { id(of: 3, $0) as UserID }
    /// Names that all workers try to give to users of their own.
    static let wanted = (0..<3).map { "wanted-\($0)" }
    /// Addresses that all nodes try to give to their clients.
    static let wantedAddresses = (1...4).map { UInt32(0x0a63_0000) + $0 }
    static let cluster: ClusterID = id(of: 4, 0)
    static let lineage: LineageID = id(of: 4, 1)

    static func node(_ slot: Int) -> NodeID { id(of: 5, slot) }

    /// The row that counts the transactions of a node.
    static func counter(of node: NodeID) -> UserID {
        UserID(bytes: node.bytes.map { $0 ^ 0x40 }) ?? id(of: 6, 0)
    }

    static func user(_ id: UserID, _ name: String) -> User {
        User(id: id, name: name, tokensValidFrom: .epoch, createdAt: .epoch)
    }

    static let remote = SocketAddress(ip: .v4(IPv4Address(192, 0, 2, 1)), port: 1194)

    static func session(_ new: NewSession, _ lease: Lease, at time: Timestamp) -> Session {
        Session(
            id: new.id, tokenSession: TokenSessionID(bytes: new.id.bytes.prefix(12)) ?? someTokenSession,
            user: busyUsers[0], userName: "busy", node: lease.node, nodeEpoch: lease.epoch, remoteAddress: remote,
            ipv4: IPv4Address(bits: new.address), cipher: "AES-256-GCM", connectedAt: time, updatedAt: time)
    }

    private static let someTokenSession: TokenSessionID = {
        var generator = SeededGenerator(seed: 0)
        return TokenSessionID(using: &generator)
    }()

    /// An identifier that is the same in each process.
    private static func id<Subject>(of kind: UInt64, _ number: Int) -> Identifier<Subject> {
        var generator = SeededGenerator(seed: kind << 32 | UInt64(number))
        return Identifier(using: &generator)
    }
}

/// splitmix64.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// Another generator, whose numbers do not repeat this one's.
    mutating func fork() -> SeededGenerator { SeededGenerator(seed: next()) }
}

extension RandomNumberGenerator {
    /// Whether one of so many times it happens.
    mutating func happens(oneIn count: Int) -> Bool { Int.random(in: 0..<count, using: &self) == 0 }

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        // Invariant: callers give lists that are not empty.
        elements[Int.random(in: 0..<elements.count, using: &self)]
    }
}
