import ClusterCore
import Glibc
import VPNFormats

/// What is in the databases that are measured: a cluster with as many live sessions as keys are needed.
enum Cluster {
    static let sessions = 2048
    private static let actor = AuditActor(kind: .node, name: "bench")
    private static let id = identifier(ClusterInfo.self, 1)
    private static let node = identifier(Node.self, 2)

    static func authenticator() throws -> any RowAuthenticator {
        ClusterRowAuthenticator(key: try ClusterKey(bytes: [UInt8](repeating: 7, count: 32)), clusterID: id)
    }

    static let keys = (0..<sessions).map { identifier(Session.self, 1000 + UInt64($0)) }

    /// Makes the cluster in an empty store.
    static func found(in store: any StorageBackend) async throws {
        let info = ClusterInfo(id: id, lineage: identifier(Lineage.self, 3), createdAt: now())
        try await store.write { writer in try writer.change(by: actor) { try $0.createCluster(info) } }
    }

    /// Adds users, 500 in a change.
    static func add(users: Int, to store: any StorageBackend) async throws {
        let verifier = SealedValue([UInt8](repeating: 0xa5, count: 150))
        for start in stride(from: 0, to: users, by: 500) {
            let batch = (start..<min(start + 500, users)).map { number in
                User(
                    id: identifier(User.self, 1_000_000 + UInt64(number)), name: "user\(number)@example.com",
                    passwordVerifier: verifier, tokensValidFrom: now(), createdAt: now())
            }
            try await store.write { writer in
                try writer.change(by: actor) { change in
                    for user in batch { _ = try change.add(user) }
                }
            }
        }
    }

    /// Fills an empty store.
    static func fill(_ store: any StorageBackend) async throws {
        try await found(in: store)
        for start in stride(from: 0, to: sessions, by: 512) {
            let batch = (start..<min(start + 512, sessions)).map { session($0) }
            try await store.write { try $0.sessions.begin(batch) }
        }
    }

    /// The counters of a session as of now: growing, so that every update changes its row.
    static func update(_ key: SessionRecordID) -> SessionUpdate {
        let time = now().microseconds
        return SessionUpdate(
            id: key, remoteAddress: remoteAddress, traffic: Traffic(bytesReceived: time, bytesSent: time))
    }

    static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    private static let remoteAddress = SocketAddress(ip: .v4(IPv4Address(192, 0, 2, 17)), port: 50_123)

    private static func session(_ number: Int) -> Session {
        var generator = Generator(state: UInt64(number))
        return Session(
            id: keys[number], tokenSession: TokenSessionID(using: &generator),
            user: identifier(User.self, 5000 + UInt64(number)), userName: "user\(number)", node: node, nodeEpoch: 1,
            remoteAddress: remoteAddress, ipv4: IPv4Address(bits: 0x0a00_0000 + UInt32(number)),
            cipher: "AES-256-GCM", clientVersion: "2.6.14", clientPlatform: "linux", connectedAt: now(),
            updatedAt: now())
    }

    /// 16 bytes that look random, as real ids are, and are the same in every run.
    private static func identifier<Subject>(_ subject: Subject.Type, _ seed: UInt64) -> Identifier<Subject> {
        var generator = Generator(state: seed)
        return Identifier(using: &generator)
    }

    /// SplitMix64: one multiplication and a few shifts a number.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var word = state
            word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
            word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
            return word ^ (word >> 31)
        }
    }
}
