/// Who changes the configuration.
public struct AuditActor: Hashable, Sendable {
    /// What sort of actor.
    public enum Kind: String, Sendable, CaseIterable {
        /// Someone at the command line.
        case `operator`
        /// A node, on its own.
        case node
        /// A user, of their own account.
        case user
        /// The program itself, for instance at creation.
        case system
    }

    /// What sort of actor.
    public var kind: Kind
    /// Their name, at most 255 bytes: of an operator the login name and host, of a node its name.
    public var name: String

    /// Makes an audit actor of its parts, which are explained at the properties.
    public init(kind: Kind, name: String) {
        self.kind = kind
        self.name = name
    }
}

/// One line of the audit log: something that was changed, by whom, when.
///
/// Entries are written by the stores with the change itself; nothing else writes them, nothing updates them.
public struct AuditEntry: Hashable, Sendable {
    /// The revision that the change made.
    public var revision: Int64
    /// The place among the entries of that revision, from 0.
    public var index: Int
    /// The random name of the change.
    public var change: ChangeID
    /// When, on the store's clock.
    public var at: Timestamp
    /// Who.
    public var actor: AuditActor
    /// What was done, for instance `user.add`.
    public var action: AuditAction
    /// What it was done to.
    public var entity: ChangedEntity
    /// What a person wants to know of it, without any secret; at most 1,000 bytes.
    public var detail: String

    /// Makes an audit entry of its parts, which are explained at the properties.
    public init(
        revision: Int64, index: Int, change: ChangeID, at: Timestamp, actor: AuditActor, action: AuditAction,
        entity: ChangedEntity, detail: String
    ) {
        self.revision = revision
        self.index = index
        self.change = change
        self.at = at
        self.actor = actor
        self.action = action
        self.entity = entity
        self.detail = detail
    }

    /// Where the entry stands in the log; entries are ordered by it.
    public var position: AuditPosition { AuditPosition(revision: revision, index: index) }
}

/// A place in the audit log.
public struct AuditPosition: Hashable, Comparable, Sendable {
    /// The revision.
    public var revision: Int64
    /// The place among the entries of that revision, from 0.
    public var index: Int

    /// Makes an audit position of its parts, which are explained at the properties.
    public init(revision: Int64, index: Int) {
        self.revision = revision
        self.index = index
    }

    /// Orders by value.
    public static func < (left: Self, right: Self) -> Bool {
        (left.revision, left.index) < (right.revision, right.index)
    }
}

/// What was done, in the audit log.
public struct AuditAction: Hashable, Sendable, RawRepresentable {
    /// The word in the log: the entity, a dot, a verb.
    public var rawValue: String

    /// - Parameter rawValue: The word; one that is not among the static members is kept as it is.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The cluster was made.
    public static let createCluster = AuditAction(rawValue: "cluster.create")
    /// A setting was given a value.
    public static let setSetting = AuditAction(rawValue: "setting.set")
    /// A setting went back to its default.
    public static let unsetSetting = AuditAction(rawValue: "setting.unset")
    /// A user was added.
    public static let addUser = AuditAction(rawValue: "user.add")
    /// A user was changed.
    public static let updateUser = AuditAction(rawValue: "user.update")
    /// A user was removed.
    public static let removeUser = AuditAction(rawValue: "user.remove")
    /// A certificate was issued.
    public static let issueCertificate = AuditAction(rawValue: "certificate.issue")
    /// A certificate was revoked.
    public static let revokeCertificate = AuditAction(rawValue: "certificate.revoke")
    /// A shared secret was added.
    public static let addSecret = AuditAction(rawValue: "secret.add")
    /// A shared secret was removed.
    public static let removeSecret = AuditAction(rawValue: "secret.remove")
    /// A token session was ended.
    public static let refuseToken = AuditAction(rawValue: "token.refuse")
    /// The cluster was copied into this store from another one.
    public static let copyStore = AuditAction(rawValue: "store.copy")
    /// The cluster was restored into this store from a backup.
    public static let restoreStore = AuditAction(rawValue: "store.restore")
}
