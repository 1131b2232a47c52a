internal import ClusterCore
internal import VPNFormats

/// Values for the cases, the same each time.
enum Sample {
    /// 2023-11-14T22:13:20.000123Z.
    static let time = Timestamp(microseconds: 1_700_000_000_000_123)

    static var cluster: ClusterInfo {
        ClusterInfo(id: id(1), lineage: id(2), createdAt: time)
    }

    /// The identifier of a number: the same each time, and others' never.
    static func id<Subject>(_ number: UInt64) -> Identifier<Subject> {
        var generator = NumberedGenerator(state: number)
        return Identifier(using: &generator)
    }

    static func token(_ number: UInt64) -> TokenSessionID {
        var generator = NumberedGenerator(state: number)
        return TokenSessionID(using: &generator)
    }

    static func serial(_ number: UInt64) -> CertificateSerial {
        var generator = NumberedGenerator(state: number)
        return CertificateSerial(using: &generator)
    }

    static func user(_ number: UInt64, name: String? = nil) -> User {
        User(
            id: id(number), name: name ?? "user \(number)", tokensValidFrom: time + .seconds(Int64(number % 1000)),
            createdAt: time)
    }

    static func certificate(
        _ number: UInt64, user: UserID?, kind: CertificateRecord.Kind = .client
    ) -> CertificateRecord {
        CertificateRecord(
            serial: serial(number), kind: kind, commonName: "name \(number)", user: user,
            profile: user == nil ? nil : .userLocked, notBefore: time, notAfter: time + .seconds(86_400),
            der: [0x30, UInt8(truncatingIfNeeded: number)], issuedAt: time + .seconds(Int64(number)))
    }

    static func secret(_ number: UInt64, bytes: [UInt8] = [1, 2, 3], at time: Timestamp = time) -> SealedSecret? {
        SealedValue(bytes).map { SealedSecret(id: id(number), purpose: .cookie, value: $0, createdAt: time) }
    }

    static func node(_ number: UInt64, subnets: [IPPrefix] = []) -> Node {
        Node(
            id: id(number), name: "node-\(number)", hostname: "host-\(number)", softwareVersion: "1.2.3",
            subnets: subnets, createdAt: time, startedAt: time, lastSeenAt: time)
    }

    /// A session of node 1 unless told otherwise; with a `host` it has 10.0.0.`host`.
    static func session(_ number: UInt64, user: UInt64 = 1, node: UInt64 = 1, host: UInt8? = nil) -> Session {
        Session(
            id: id(number), tokenSession: token(number), user: id(user), userName: "user \(user)", node: id(node),
            nodeEpoch: 1,
            remoteAddress: SocketAddress(ip: .v4(IPv4Address(192, 0, 2, 7)), port: 40_000),
            ipv4: host.map { IPv4Address(10, 0, 0, $0) }, cipher: "AES-256-GCM", connectedAt: time, updatedAt: time)
    }

    static func prefix(_ text: String) throws -> IPPrefix {
        guard let prefix = IPPrefix(text) else { throw ConformanceFailure("\(text) is no network") }
        return prefix
    }
}

/// splitmix64 of a number.
struct NumberedGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
