/// What a store says of itself: which cluster, which history, which schema.
public struct ClusterInfo: Hashable, Sendable {
    /// The cluster, the same through copies, restores and conversion.
    public var id: ClusterID
    /// This history of the store; a restore or a copy begins a new one.
    public var lineage: LineageID
    /// When the cluster was made.
    public var createdAt: Timestamp

    /// Makes the cluster info of its parts, which are explained at the properties.
    public init(id: ClusterID, lineage: LineageID, createdAt: Timestamp) {
        self.id = id
        self.lineage = lineage
        self.createdAt = createdAt
    }
}

/// A state of the configuration.
///
/// Numbers grow by one with each change within a lineage, but an asynchronous fail-over or a restore can make them go
/// back and be given a second time; the change id then differs. Two states are the same only if all three parts are.
public struct Revision: Hashable, Sendable {
    /// The history that the number counts in.
    public var lineage: LineageID
    /// 1 when the cluster was just made.
    public var number: Int64
    /// Written with the change that made this revision.
    public var change: ChangeID

    /// Makes the revision of its parts, which are explained at the properties.
    public init(lineage: LineageID, number: Int64, change: ChangeID) {
        self.lineage = lineage
        self.number = number
        self.change = change
    }
}

extension Revision: CustomStringConvertible {
    /// The number and the first digits of the change id, for logs.
    public var description: String { "\(number)-\(change.description.prefix(8))" }
}

/// What changed in the configuration since a revision.
public enum ConfigurationDelta: Hashable, Sendable {
    /// The store is still at the revision that was asked about.
    case none
    /// These things changed, each listed once, and the store is now at the given revision.
    case changed([ChangedEntity], Revision)
    /// The revision that was asked about is not in the store's history, or too much has changed since: load
    /// everything anew; the store is now at the given revision.
    case reloadAll(Revision)
}

/// One thing of the configuration that was written or removed.
public struct ChangedEntity: Hashable, Sendable {
    /// What sort of thing it is.
    public var kind: EntityKind
    /// Its identifier as text: of a user or secret its id, of a certificate its serial, of a setting its name.
    public var id: String

    /// Makes a changed entity of its parts, which are explained at the properties.
    public init(kind: EntityKind, id: String) {
        self.kind = kind
        self.id = id
    }
}

/// The sorts of things that configuration consists of.
public struct EntityKind: Hashable, Sendable, RawRepresentable, Codable {
    /// The word in the audit log.
    public var rawValue: String

    /// - Parameter rawValue: The word; one that is not among the static members is kept as it is.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The cluster itself.
    public static let cluster = EntityKind(rawValue: "cluster")
    /// A setting.
    public static let setting = EntityKind(rawValue: "setting")
    /// A user.
    public static let user = EntityKind(rawValue: "user")
    /// A certificate.
    public static let certificate = EntityKind(rawValue: "certificate")
    /// A shared secret.
    public static let secret = EntityKind(rawValue: "secret")
    /// A token session that is refused from now on.
    public static let tokenRefusal = EntityKind(rawValue: "token-refusal")
}
