internal import ClusterCore
internal import ClusterOperations
internal import VPNFormats

// What `--json` prints. The names are stable: new ones may be added, none is changed.

struct UserDocument: Encodable {
    let id: String
    let name: String
    let enabled: Bool
    let admin: Bool
    let autoLogin: Bool
    let hasPassword: Bool
    let createdAt: String

    init(_ user: User) {
        self.id = user.id.description
        self.name = user.name
        self.enabled = user.isEnabled
        self.admin = user.isAdmin
        self.autoLogin = user.allowsAutoLogin
        self.hasPassword = user.passwordVerifier != nil
        self.createdAt = user.createdAt.description
    }
}

struct UserDetailsDocument: Encodable {
    let user: UserDocument
    let profiles: [ProfileDocument]
    let sessions: [SessionDocument]
    let failedLogins: Int
    let lockedUntil: String?

    init(_ details: UserOperations.Details) {
        self.user = UserDocument(details.user)
        self.profiles = details.certificates.map {
            ProfileDocument(ProfileOperations.Entry(certificate: $0, userName: details.user.name))
        }
        self.sessions = details.sessions.map { SessionDocument($0) }
        self.failedLogins = details.failures?.count ?? 0
        self.lockedUntil = details.failures?.lockedUntil.flatMap { $0 > details.readAt ? $0.description : nil }
    }
}

struct ProfileDocument: Encodable {
    let serial: String
    let user: String?
    let userID: String?
    let kind: String?
    let commonName: String
    let issuedAt: String
    let notBefore: String
    let notAfter: String
    let revokedAt: String?
    let revocationReason: String?

    init(_ entry: ProfileOperations.Entry) {
        let record = entry.certificate
        self.serial = record.serial.description
        self.user = entry.userName
        self.userID = record.user?.description
        self.kind = record.profile?.rawValue
        self.commonName = record.commonName
        self.issuedAt = record.issuedAt.description
        self.notBefore = record.notBefore.description
        self.notAfter = record.notAfter.description
        self.revokedAt = record.revocation?.at.description
        self.revocationReason = record.revocation?.reason.rawValue
    }
}

struct IssuedDocument: Encodable {
    let serial: String
    let user: String
    let kind: String
    let notAfter: String
    let file: String?
    let profile: String?

    init(_ issued: ProfileOperations.Issued, text: String?, file: String?) {
        self.serial = issued.serial.description
        self.user = issued.userName
        self.kind = issued.kind.rawValue
        self.notAfter = issued.notAfter.description
        self.file = file
        self.profile = text
    }
}

struct SessionDocument: Encodable {
    let id: String
    let user: String
    let userID: String
    let node: String
    let certificate: String?
    let remoteAddress: String
    let ipv4: String?
    let ipv6: String?
    let cipher: String
    let clientVersion: String
    let clientPlatform: String
    let connectedAt: String
    let updatedAt: String
    let bytesReceived: Int64
    let bytesSent: Int64
    let endedAt: String?
    let reason: String?

    init(_ session: Session, endedAt: Timestamp? = nil, reason: String? = nil) {
        self.id = session.id.description
        self.user = session.userName
        self.userID = session.user.description
        self.node = session.node.description
        self.certificate = session.certificate?.description
        self.remoteAddress = session.remoteAddress.description
        self.ipv4 = session.ipv4?.description
        self.ipv6 = session.ipv6?.description
        self.cipher = session.cipher
        self.clientVersion = session.clientVersion
        self.clientPlatform = session.clientPlatform
        self.connectedAt = session.connectedAt.description
        self.updatedAt = session.updatedAt.description
        self.bytesReceived = session.traffic.bytesReceived
        self.bytesSent = session.traffic.bytesSent
        self.endedAt = endedAt?.description
        self.reason = reason
    }
}

struct SettingDocument: Encodable {
    let name: String
    let value: String
    let defaultValue: String
    let isSet: Bool
    let summary: String

    init(_ entry: SettingOperations.Entry) {
        self.name = entry.name
        self.value = entry.value
        self.defaultValue = entry.defaultValue
        self.isSet = entry.isSet
        self.summary = entry.summary
    }
}
