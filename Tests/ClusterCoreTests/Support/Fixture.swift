import ProtocolTestKit
import VPNFormats

@testable import ClusterCore

/// A small cluster in memory: an authority, users with passwords, certificates. Time is 2026-11-22 10:00 unless a test
/// moves it.
struct Fixture {
    static let password = "correct horse battery"
    static let cheap = ScryptCost(logN: 10) ?? .standard
    static let start = Timestamp(seconds: 1_795_341_600)

    var random: SeededGenerator
    let clusterID: ClusterID
    let key: ClusterKey
    let authority: CertificateAuthority
    let shared: SharedSecrets
    let server: ServerIdentity
    var now = Fixture.start
    var users: [User] = []
    var records: [CertificateRecord] = []
    var refusals: [TokenRefusal] = []
    var failures: [UserID: LoginFailures] = [:]
    var settings: [String: String] = ["password.scrypt-cost": "14"]
    var revision: Revision

    init(seed: UInt64 = 7) throws {
        random = SeededGenerator(seed: seed)
        clusterID = ClusterID(using: &random)
        key = ClusterKey.generate(using: &random)
        shared = try SharedSecrets.generate(using: &random)
        authority = try CertificateAuthority.make(clusterID: clusterID, now: now, using: &random)
        let serverKey = SigningKey.generate()
        let certificate = try authority.issueServer(
            name: CertificateAuthority.stableServerName(clusterID: clusterID), hostNames: ["vpn.example.com"],
            key: serverKey, now: now, using: &random)
        server = ServerIdentity(authorities: [authority.certificate], certificate: certificate, key: serverKey)
        revision = Revision(lineage: LineageID(using: &random), number: 1, change: ChangeID(using: &random))
    }

    var sealer: Sealer { Sealer(key: key, clusterID: clusterID) }

    /// Adds a user with a password that is cheap to check; nil adds one without.
    @discardableResult
    mutating func addUser(
        _ name: String, password: String? = Fixture.password, allowsAutoLogin: Bool = false
    ) throws -> User {
        var user = User(
            id: UserID(using: &random), name: name, allowsAutoLogin: allowsAutoLogin, tokensValidFrom: now,
            createdAt: now)
        if let password {
            let verifier = try PasswordVerifier.make(password: password, cost: Self.cheap, using: &random)
            user.passwordVerifier = try sealer.seal(verifier, of: user.id, using: &random)
        }
        users.append(user)
        return user
    }

    /// Issues a certificate and adds its row.
    mutating func addCertificate(
        of user: User, profile: ProfileKind = .userLocked, validity: CertificateValidity = .tenYears
    ) throws -> IssuedCertificate {
        let issued = try authority.issueClient(
            userName: user.name, userID: user.id, key: .generate(), now: now, validity: validity, using: &random)
        records.append(issued.record(as: .client, user: user.id, profile: profile, issuedAt: now))
        return issued
    }

    /// Changes a user's row.
    mutating func update(_ user: User, _ change: (inout User) -> Void) {
        for index in users.indices where users[index].id == user.id { change(&users[index]) }
    }

    /// Changes a certificate's row.
    mutating func update(_ certificate: IssuedCertificate, _ change: (inout CertificateRecord) -> Void) {
        for index in records.indices where records[index].serial == certificate.serial { change(&records[index]) }
    }

    var snapshot: Snapshot {
        get throws {
            var generator = SeededGenerator(seed: 11)
            let rows = try sealer.seal(shared, createdAt: now, using: &generator)
            return Snapshot(
                cluster: ClusterInfo(id: clusterID, lineage: revision.lineage, createdAt: now), revision: revision,
                readAt: now, settings: Settings(cluster: clusterID, stored: settings), users: users,
                certificates: records.compactMap { KnownCertificate($0) }, refusals: refusals,
                failures: Array(failures.values), secrets: try SecretRing.open(rows, sealer: sealer).ring,
                server: server, problems: [], sealer: sealer)
        }
    }

    /// Runs a login to its end, as a driver does, and keeps the failures that it counts.
    mutating func login(
        _ certificate: IssuedCertificate, _ userName: String, _ password: String, live: LiveLogin? = nil,
        hasRoom: Bool = true, isDraining: Bool = false
    ) throws -> LoginStep {
        let request = LoginRequest(
            certificate: certificate.der, userName: userName, password: Array(password.utf8), live: live)
        return try login(request, hasRoom: hasRoom, isDraining: isDraining)
    }

    mutating func login(
        _ request: LoginRequest, hasRoom: Bool = true, isDraining: Bool = false
    ) throws -> LoginStep {
        let snapshot = try snapshot
        let known = failures
        let circumstances = LoginCircumstances(now: now, hasRoom: hasRoom, isDraining: isDraining)
        var step = LoginPolicy().begin(
            request, snapshot: snapshot, failures: { known[$0] }, circumstances: circumstances, using: &random)
        if case .checkPassword(let check) = step {
            step = LoginPolicy().finish(
                check, matched: check.run(), snapshot: snapshot, failures: { known[$0] },
                circumstances: circumstances, using: &random)
        }
        if case .refused(let refusal) = step, let row = refusal.failures { failures[row.user] = row }
        if case .admitted(let admission) = step, admission.clearsFailures { failures[admission.userID] = nil }
        return step
    }
}

extension LoginStep {
    var admission: Admission? { if case .admitted(let admission) = self { admission } else { nil } }
    var reason: RefusalReason? { if case .refused(let refusal) = self { refusal.reason } else { nil } }
    var check: PasswordCheck? { if case .checkPassword(let check) = self { check } else { nil } }
}
