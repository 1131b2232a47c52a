import ProtocolTestKit
import Testing
import VPNFormats

@testable import ClusterCore

@Suite("The snapshot")
struct SnapshotTests {
    @Test("a snapshot has all of the store, through pages")
    func load() throws {
        var fixture = try Fixture()
        for index in 0..<7 {
            let user = try fixture.addUser("user \(index)", password: nil)
            _ = try fixture.addCertificate(of: user)
            fixture.failures[user.id] = LoginFailures(user: user.id, count: index, firstAt: .epoch, lastAt: .epoch)
            fixture.refusals.append(
                TokenRefusal(
                    tokenSession: TokenSessionID(using: &fixture.random), user: user.id, refusedAt: .epoch,
                    expiresAt: fixture.now))
        }
        let snapshot = try Snapshot.load(from: fixture.reader(), key: fixture.key)
        #expect(snapshot.users.count == 7 && snapshot.certificates.count == 7)
        #expect(snapshot.failures.count == 7 && snapshot.refusedSessions.count == 7)
        #expect(snapshot.revision == fixture.revision && snapshot.readAt == fixture.now)
        #expect(snapshot.secrets.tlsCryptV2 == [fixture.shared.tlsCryptV2])
        #expect(snapshot.secrets.cookie == [fixture.shared.cookie])
        #expect(snapshot.server.certificate == fixture.server.certificate)
        #expect(snapshot.server.key.rawBytes == fixture.server.key.rawBytes)
        #expect(snapshot.server.authorities == [fixture.authority.certificate])
        #expect(snapshot.problems.isEmpty)
        #expect(snapshot.settings[.scryptCost] == 14)
    }

    @Test("a login works on a snapshot that was loaded")
    func login() throws {
        var fixture = try Fixture()
        let certificate = try fixture.addCertificate(of: fixture.addUser("alice"))
        let snapshot = try Snapshot.load(from: fixture.reader(), key: fixture.key)
        let step = LoginPolicy().begin(
            LoginRequest(certificate: certificate.der, userName: "alice", password: Array(Fixture.password.utf8)),
            snapshot: snapshot, failures: { snapshot.failures[$0] },
            circumstances: LoginCircumstances(now: fixture.now), using: &fixture.random)
        #expect(step.check?.run() == true)
    }

    @Test("a row that others wrote is reported, and whom it names stays out")
    func rejectedRow() throws {
        var fixture = try Fixture()
        let certificate = try fixture.addCertificate(of: fixture.addUser("alice"))
        var reader = try fixture.reader()
        reader.userRows = []
        reader.rejected = [RejectedRow(table: "users", id: "alice", reason: .tampered)]
        let snapshot = try Snapshot.load(from: reader, key: fixture.key)
        #expect(snapshot.problems == [.rejectedRow(reader.rejected[0])])
        #expect(snapshot.problems[0].description.contains("alice"))
        let step = LoginPolicy().begin(
            LoginRequest(certificate: certificate.der, userName: "alice", password: Array(Fixture.password.utf8)),
            snapshot: snapshot, failures: { _ in nil }, circumstances: LoginCircumstances(now: fixture.now),
            using: &fixture.random)
        #expect(step.reason == .userRemoved)
    }

    @Test("without a cluster, a secret, an authority or a server certificate there is no snapshot")
    func missing() throws {
        var fixture = try Fixture()
        let good = try fixture.reader()
        var cases: [(SnapshotError.Code, MemoryReader)] = []
        var reader = good
        reader.clusterInfo = nil
        cases.append((.noCluster, reader))
        for purpose in [SecretPurpose.tlsCryptV2Server, .tlsCrypt, .authToken, .cookie] {
            reader = good
            reader.secretRows.removeAll { $0.purpose == purpose }
            cases.append((.secretMissing, reader))
        }
        for kind in [CertificateRecord.Kind.authority, .server] {
            reader = good
            reader.certificateRows.removeAll { $0.kind == kind }
            cases.append((.certificateMissing, reader))
            reader = good
            for index in reader.certificateRows.indices where reader.certificateRows[index].kind == kind {
                reader.certificateRows[index].revocation = Revocation(at: .epoch, reason: .superseded)
            }
            cases.append((.certificateMissing, reader))
        }
        for (code, reader) in cases {
            let error = #expect(throws: SnapshotError.self) { try Snapshot.load(from: reader, key: fixture.key) }
            #expect(error?.code == code)
        }
        #expect(throws: Never.self) { try Snapshot.load(from: good, key: fixture.key) }
    }

    @Test("under another cluster key nothing opens, and the message says which key is wanted")
    func otherKey() throws {
        var fixture = try Fixture()
        let other = ClusterKey.generate(using: &fixture.random)
        let reader = try fixture.reader()
        let error = #expect(throws: SnapshotError.self) { try Snapshot.load(from: reader, key: other) }
        #expect(error?.code == .secretMissing)
        #expect(error?.description.contains(fixture.key.id.description) == true)
    }

    @Test("a secret and a server certificate that cannot be opened are passed over for those that can")
    func passedOver() throws {
        var fixture = try Fixture()
        var reader = try fixture.reader()
        let broken = SealedSecret(
            id: SecretID(using: &fixture.random), purpose: .authToken,
            value: try #require(SealedValue([1, 2, 3])), createdAt: fixture.now)
        reader.secretRows.insert(broken, at: 0)
        var row = fixture.server.certificate.record(as: .server, privateKey: broken.value, issuedAt: fixture.now)
        row.serial = CertificateSerial(using: &fixture.random)
        reader.certificateRows.append(row)
        let snapshot = try Snapshot.load(from: reader, key: fixture.key)
        #expect(snapshot.secrets.authToken == [fixture.shared.authToken])
        #expect(snapshot.server.certificate == fixture.server.certificate)
        #expect(snapshot.problems.count == 2)
    }

    @Test("of two secrets the newest signs and the older one still opens")
    func rotation() throws {
        var fixture = try Fixture()
        let certificate = try fixture.addCertificate(of: fixture.addUser("alice"))
        let old = try #require(try fixture.login(certificate, "alice", Fixture.password).admission)
        var reader = try fixture.reader()
        let next = try fixture.sealer.seal(
            .generate(using: &fixture.random), createdAt: fixture.now, using: &fixture.random)
        reader.secretRows = next + reader.secretRows
        let snapshot = try Snapshot.load(from: reader, key: fixture.key)
        #expect(snapshot.secrets.authToken.count == 2)
        let step = LoginPolicy().begin(
            LoginRequest(certificate: certificate.der, userName: "alice", password: Array(old.tokenText.utf8)),
            snapshot: snapshot, failures: { _ in nil }, circumstances: LoginCircumstances(now: fixture.now),
            using: &fixture.random)
        let renewed = try #require(step.admission)
        #expect(renewed.tokenSession == old.tokenSession)
        #expect(try fixture.login(certificate, "alice", renewed.tokenText).reason == .tokenInvalid)
    }

    @Test("a setting that is not valid is reported and its default counts")
    func invalidSetting() throws {
        var fixture = try Fixture()
        fixture.settings["lockout.threshold"] = "many"
        let snapshot = try Snapshot.load(from: fixture.reader(), key: fixture.key)
        #expect(snapshot.settings[.lockoutThreshold] == 5)
        #expect(snapshot.problems.count == 1)
    }

    @Test("the authority is loaded with its key, and only with the right cluster key")
    func authority() throws {
        var fixture = try Fixture()
        let reader = try fixture.reader()
        let loaded = try CertificateAuthority.load(from: reader, sealer: fixture.sealer)
        #expect(loaded.certificate == fixture.authority.certificate)
        let other = Sealer(key: .generate(using: &fixture.random), clusterID: fixture.clusterID)
        #expect(throws: SecretsError.self) { try CertificateAuthority.load(from: reader, sealer: other) }
        var empty = reader
        empty.certificateRows = []
        #expect(throws: SnapshotError.self) { try CertificateAuthority.load(from: empty, sealer: fixture.sealer) }
    }
}
