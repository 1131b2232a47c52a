/// The form of a backup file, version 1. Numbers have their most significant byte first.
///
///     file    "asnodeBK", version (4), then records
///     record  kind (1), length (4), payload, SHA-256 over these three (32)
///
/// Records come in this order: one header, at most one key, for each table its name and columns and then its rows in
/// the order of their keys, one end. The end holds the number of all rows and a SHA-256 over every byte before the end
/// record, so that no record can be lost, doubled or moved. Checksums find damage; who altered a file on purpose can
/// mend them, but cannot make the codes and seals of the rows, which need the cluster's key.
public enum BackupFormat {
    /// The version that is written, and the newest that is read.
    public static let version: UInt32 = 1
    /// The first bytes of every backup.
    static let magic = Array("asnodeBK".utf8)
    /// The longest payload of a record, in bytes: a full page with one more row of the largest size.
    static let longestPayload = 8 << 20
    /// The bytes of a record beside its payload.
    static let framing = 1 + 4 + 32
    /// The most tables, and columns of one.
    static let mostTables = 64

    enum Kind: UInt8 {
        case header = 1
        case key = 2
        case table = 3
        case rows = 4
        case end = 5
    }
}

/// What a backup says of itself before its rows.
public struct BackupHeader: Hashable, Sendable {
    /// The cluster whose content it is.
    public var cluster: ClusterID
    /// The state of the configuration that it holds.
    public var revision: Revision
    /// When it was made, on the store's clock.
    public var createdAt: Timestamp
    /// The version of the program that made it.
    public var software: String
    /// The cluster key that its secrets are sealed under.
    public var keyID: ClusterKeyID
    /// The settings file of the node that made it, without its database; `nil` when there was none.
    public var nodeSettings: String?

    /// Makes a header of its parts, which are explained at the properties.
    public init(
        cluster: ClusterID, revision: Revision, createdAt: Timestamp, software: String, keyID: ClusterKeyID,
        nodeSettings: String? = nil
    ) {
        self.cluster = cluster
        self.revision = revision
        self.createdAt = createdAt
        self.software = software
        self.keyID = keyID
        self.nodeSettings = nodeSettings
    }
}

extension BackupHeader {
    /// Named values: a reader leaves out the names that it does not know.
    func encoded() -> [UInt8] {
        var values: [(String, ContentRow.Value)] = [
            ("cluster", .bytes(cluster.bytes)), ("lineage", .bytes(revision.lineage.bytes)),
            ("revision", .integer(revision.number)), ("change", .bytes(revision.change.bytes)),
            ("created-at", .integer(createdAt.microseconds)), ("software", .text(software)),
            ("key-id", .bytes(keyID.bytes)),
        ]
        if let nodeSettings { values.append(("node", .text(nodeSettings))) }
        var bytes: [UInt8] = []
        for (name, value) in values { ContentRow([.text(name), value]).encode(into: &bytes) }
        return bytes
    }

    init?(encoded bytes: [UInt8]) {
        var cursor = ByteCursor(bytes)
        var values: [String: ContentRow.Value] = [:]
        while !cursor.isAtEnd {
            guard case .text(let name)? = cursor.value(), let value = cursor.value() else { return nil }
            guard values.updateValue(value, forKey: name) == nil, values.count <= 64 else { return nil }
        }
        guard case .bytes(let cluster)? = values["cluster"], let cluster = ClusterID(bytes: cluster),
            case .bytes(let lineage)? = values["lineage"], let lineage = LineageID(bytes: lineage),
            case .integer(let number)? = values["revision"], number >= 0, number < .max,
            case .bytes(let change)? = values["change"], let change = ChangeID(bytes: change),
            case .integer(let createdAt)? = values["created-at"], case .text(let software)? = values["software"],
            case .bytes(let keyID)? = values["key-id"], let keyID = ClusterKeyID(bytes: keyID)
        else { return nil }
        var nodeSettings: String?
        if case .text(let text)? = values["node"] { nodeSettings = text }
        self.init(
            cluster: cluster, revision: Revision(lineage: lineage, number: number, change: change),
            createdAt: Timestamp(microseconds: createdAt), software: software, keyID: keyID,
            nodeSettings: nodeSettings)
    }
}
