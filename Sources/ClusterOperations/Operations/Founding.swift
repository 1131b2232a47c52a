public import ClusterCore
internal import VPNFormats

/// The first content of a cluster's store: everything random is made before the transaction, so that a second try
/// writes the same.
struct Founding: Sendable {
    let clusterID: ClusterID
    private let sealer: Sealer
    private let lineage: LineageID
    private let secrets: SharedSecrets

    init(settings: NodeSettings, key: ClusterKey) throws {
        guard let cluster = ClusterID(settings.clusterID) else {
            throw OperationError(
                .configuration, "the ids in \(DataDirectory.settingsName) are damaged; restore the file")
        }
        var random = SystemRandomNumberGenerator()
        clusterID = cluster
        sealer = Sealer(key: key, clusterID: cluster)
        lineage = LineageID(using: &random)
        secrets = try SharedSecrets.generate(using: &random)
    }

    /// Writes the cluster, its settings, its shared secrets, its authority and its servers' certificate.
    func write(
        to change: any ConfigurationChange, hostname: String, networks: [IPPrefix], now: Timestamp
    ) throws {
        var random = SystemRandomNumberGenerator()
        try change.createCluster(ClusterInfo(id: clusterID, lineage: lineage, createdAt: now))
        do {
            try change.set(.hostname, to: hostname)
            if !networks.isEmpty { try change.set(.clientNetworks, to: networks) }
        } catch let error as SettingError {
            throw OperationError(.invalidArgument, "\(error)")
        }
        for secret in try sealer.seal(secrets, createdAt: now, using: &random) { try change.add(secret) }
        let authority = try CertificateAuthority.make(clusterID: clusterID, now: now, using: &random)
        let authorityKey = try sealer.seal(authority.key, of: authority.certificate.serial, using: &random)
        try change.add(authority.certificate.record(as: .authority, privateKey: authorityKey, issuedAt: now))
        let key = SigningKey.generate()
        let lifetime = try change.reader.config.settings().value[.serverCertificateLifetime]
        let server = try authority.issueServer(
            name: CertificateAuthority.stableServerName(clusterID: clusterID),
            hostNames: hostname.isEmpty ? [] : [hostname], key: key, now: now,
            validity: CertificateValidity(lifetime), using: &random)
        let serverKey = try sealer.seal(key, of: server.serial, using: &random)
        try change.add(server.record(as: .server, privateKey: serverKey, issuedAt: now))
    }

    /// Refuses client networks that are too small for one node.
    static func checkRoom(_ subnet: ClientSubnet) throws(OperationError) {
        guard !subnet.prefixes.isEmpty else {
            throw OperationError(
                .invalidArgument, "the client networks have no room for a node's subnet; give a larger --client-network"
            )
        }
    }
}

extension ClusterKey {
    /// The most that a key file may hold, in bytes.
    private static let fileLimitBytes = 4_096

    /// Reads the key of a data directory.
    ///
    /// - Returns: `nil` when there is no key file.
    /// - Throws: `OperationError` with `configuration` when others can read the file or it holds no key.
    public static func load(from directory: DataDirectory) throws(OperationError) -> ClusterKey? {
        guard let bytes = try directory.read(DataDirectory.keyName, limitBytes: fileLimitBytes, secret: true) else {
            return nil
        }
        do {
            return try ClusterKey(text: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw OperationError(
                .configuration, "\(directory.file(DataDirectory.keyName)): \(error); restore the file from a copy")
        }
    }
}
