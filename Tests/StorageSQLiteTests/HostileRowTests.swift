import ClusterCore
import Foundation
import StorageSQLite
import Testing
import VPNFormats

@Suite("Rows that someone else wrote")
struct HostileRowTests {
    private let alice = sampleUser(5, name: "alice")
    private let bob = sampleUser(6, name: "bob")

    /// A store with two users, a certificate, a secret and a setting, closed.
    private func prepared() async throws -> TestStore {
        let store = try TestStore()
        let backend = try await store.openWithCluster()
        let certificate = try sampleCertificate(7, user: alice.id)
        let secret = SealedSecret(
            id: sample(8), purpose: .cookie, value: try #require(SealedValue([1])), createdAt: Timestamp(seconds: 1))
        try await backend.write { writer in
            try writer.change(by: .test) { change in
                try change.add(alice)
                try change.add(bob)
                try change.add(certificate)
                try change.add(secret)
                try change.set("client.to-client", to: "false")
            }
        }
        await backend.close()
        return store
    }

    @Test(
        "a row changed without the key is not believed, and does not hide the sound ones",
        arguments: [
            "UPDATE users SET admin = 1 WHERE name = 'alice'",
            "UPDATE users SET enabled = 0 WHERE name = 'alice'",
            "UPDATE users SET password_verifier = (SELECT password_verifier FROM users WHERE name = 'bob') "
                + "WHERE name = 'alice'",
            "UPDATE users SET tokens_valid_from = 0 WHERE name = 'alice'",
            "UPDATE users SET mac = (SELECT mac FROM users WHERE name = 'bob') WHERE name = 'alice'",
            "UPDATE users SET mac = x'' WHERE name = 'alice'",
        ])
    func tamperedUser(statement: String) async throws {
        let store = try await prepared()
        try store.tamper(statement)
        let backend = try await store.open(.existing)
        let id = alice.id
        #expect(await failureCode { try await backend.read { try $0.accounts.user(id) } } == .tampered)
        #expect(await failureCode { try await backend.read { try $0.accounts.user(named: "alice") } } == .tampered)
        let page = try await backend.read { try $0.accounts.users(after: nil, limit: 10) }
        #expect(page.rows.map(\.name) == ["bob"])
        #expect(page.rejected.map(\.reason) == [.tampered])
        #expect(page.rejected.map(\.id) == [id.description])
        // Removing the row mends it.
        try await backend.write { writer in try writer.change(by: .test) { try $0.removeUser(id) } }
        #expect(try await backend.read { try $0.accounts.users(after: nil, limit: 10) }.rejected.isEmpty)
        await backend.close()
    }

    @Test("a certificate whose revocation was taken back is not believed")
    func tamperedCertificate() async throws {
        let store = try await prepared()
        let serial = try sampleCertificate(7, user: alice.id).serial
        let backend = try await store.open(.existing)
        try await backend.write { writer in
            try writer.change(by: .test) { change in
                try change.revokeCertificate(serial, Revocation(at: Timestamp(seconds: 1), reason: .keyCompromise))
            }
        }
        await backend.close()
        try store.tamper("UPDATE certificates SET revoked_at = NULL, revocation_reason = NULL")
        let again = try await store.open(.existing)
        #expect(await failureCode { try await again.read { try $0.certificates.certificate(serial) } } == .tampered)
        #expect(try await again.read { try $0.certificates.certificates(after: nil, limit: 10) }.rows.isEmpty)
        await again.close()
    }

    @Test("a setting changed without the key falls back to its default, and setting it mends it")
    func tamperedSetting() async throws {
        let store = try await prepared()
        try store.tamper("UPDATE settings SET value = 'true'")
        let backend = try await store.open(.existing)
        let settings = try await backend.read { try $0.config.settings() }
        #expect(settings.value[.clientToClient] == false)
        #expect(settings.rejected.map(\.id) == ["client.to-client"])
        try await backend.write { writer in
            try writer.change(by: .test) { try $0.set("client.to-client", to: "true") }
        }
        let mended = try await backend.read { try $0.config.settings() }
        #expect(mended.value[.clientToClient])
        #expect(mended.rejected.isEmpty)
        await backend.close()
    }

    @Test("with another cluster's key nothing is believed, and the cluster's row says so")
    func otherKey() async throws {
        let store = try await prepared()
        let other = try ClusterKey(bytes: [UInt8](repeating: 8, count: 32))
        let backend = try await SQLiteBackend.open(store.path, mode: .existing, options: store.options(key: other))
        #expect(await failureCode { try await backend.read { try $0.config.cluster() } } == .tampered)
        let page = try await backend.read { try $0.accounts.users(after: nil, limit: 10) }
        #expect(page.rows.isEmpty)
        #expect(page.rejected.count == 2)
        await backend.close()
    }

    @Test(
        "a value of a wrong type, or that the domain does not allow, is a typed error",
        arguments: [
            ("node_epoch", "'x'"), ("ipv4", "x'0102'"), ("remote_address", "'nonsense'"), ("user_id", "x'00'"),
            ("token_session", "NULL"), ("connected_at", "1.5"), ("user_name", "x'ff'"), ("certificate", "zeroblob(21)"),
        ])
    func malformed(column: String, value: String) async throws {
        let store = try await prepared()
        let backend = try await store.open(.existing)
        let session = Session(
            id: sample(20), tokenSession: try #require(TokenSessionID(bytes: [UInt8](repeating: 1, count: 12))),
            user: alice.id, userName: "alice", node: sample(1), nodeEpoch: 1,
            remoteAddress: .init(ip: .v4(.init(192, 0, 2, 1)), port: 1), ipv4: .init(10, 56, 0, 2),
            cipher: "AES-256-GCM", connectedAt: Timestamp(seconds: 1), updatedAt: Timestamp(seconds: 1))
        try await backend.write { try $0.sessions.begin([session]) }
        await backend.close()
        // The same table without the rules that would refuse the value.
        try store.tamper(
            "CREATE TABLE loose AS SELECT * FROM sessions", "DROP TABLE sessions",
            "ALTER TABLE loose RENAME TO sessions", "UPDATE sessions SET \(column) = \(value)")
        let again = try await store.open(.existing)
        #expect(
            await failureCode { try await again.read { try $0.sessions.session(session.id) } } == .malformedRow)
        let page = try await again.read { try $0.sessions.sessions(after: nil, limit: 10) }
        #expect(page.rows.isEmpty)
        #expect(page.rejected.map(\.reason) == [.malformed])
        #expect(page.rejected.map(\.column) == [column])
        await again.close()
    }

    @Test("the schema itself refuses values of a wrong type or that are too long")
    func strictSchema() async throws {
        let store = try await prepared()
        for statement in [
            "UPDATE users SET enabled = 'yes'", "UPDATE users SET id = 'text'",
            "UPDATE users SET name = printf('%.*c', 256, 'x') WHERE name = 'bob'",
        ] {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = ["python3", "-c", Self.refused, store.path, statement]
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0, "\(statement) was not refused")
        }
    }

    private static let refused = """
        import sqlite3, sys
        try:
            with sqlite3.connect(sys.argv[1]) as database: database.execute(sys.argv[2])
            sys.exit(1)
        except sqlite3.IntegrityError: pass
        """

    @Test("a row that is larger than any of ours is not read into memory")
    func hugeRow() async throws {
        let store = try await prepared()
        try store.tamper(
            "CREATE TABLE loose AS SELECT * FROM secrets", "DROP TABLE secrets", "ALTER TABLE loose RENAME TO secrets",
            "UPDATE secrets SET value = zeroblob(20000000)")
        let backend = try await store.open(.existing)
        #expect(await failureCode { try await backend.read { try $0.config.secrets() } } == .malformedRow)
        await backend.close()
    }

    @Test("a table that is missing is told as damage")
    func missingTable() async throws {
        let store = try await prepared()
        try store.tamper("DROP TABLE users")
        let backend = try await store.open(.existing)
        #expect(await failureCode { try await backend.read { try $0.accounts.userCount() } } == .corrupt)
        await backend.close()
    }

    @Test("no error quotes a value that was bound")
    func silentErrors() async throws {
        let store = try await prepared()
        let backend = try await store.open(.existing)
        let twin = sampleUser(50, name: "alice")
        do {
            try await backend.write { writer in try writer.change(by: .test) { try $0.add(twin) } }
            Issue.record("the name was taken twice")
        } catch {
            #expect(!"\(error)".contains("alice"))
            #expect((error as? StorageError)?.nativeCode.contains("2067") == true)
        }
        await backend.close()
    }
}
