import Foundation
import ProtocolTestKit
import Testing
import VPNFormats

@testable import ClusterCore

@Suite("Profiles")
struct ProfileTests {
    private func issue(
        _ fixture: inout Fixture, kind: ProfileKind = .userLocked, name: String = "alice",
        remotes: [ProfileRemote]? = nil
    ) throws -> IssuedProfile {
        let user = try fixture.addUser(name, allowsAutoLogin: kind == .autoLogin)
        let issuer = try ProfileIssuer(authority: fixture.authority, snapshot: fixture.snapshot)
        return try issuer.issue(
            to: user, kind: kind,
            remotes: remotes ?? [ProfileRemote(host: "vpn.example.com", port: 1194)], now: fixture.now,
            using: &fixture.random)
    }

    private func lines(_ profile: IssuedProfile) -> [String] {
        profile.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// What stands between a tag's two lines.
    private func block(_ tag: String, in profile: IssuedProfile) throws -> String {
        let start = try #require(profile.text.range(of: "<\(tag)>\n"))
        let end = try #require(profile.text.range(of: "</\(tag)>\n"))
        return String(profile.text[start.upperBound..<end.lowerBound])
    }

    @Test("a user-locked profile has the options that every stock client needs, each once")
    func options() throws {
        var fixture = try Fixture()
        let lines = lines(try issue(&fixture))
        let expected = [
            "client", "dev tun", "proto udp", "remote vpn.example.com 1194 udp", "resolv-retry infinite",
            "connect-retry 1 8", "server-poll-timeout 2", "nobind", "explicit-exit-notify 1",
            "remote-cert-tls server", "verify-x509-name \(fixture.server.certificate.commonName) name",
            "tls-version-min 1.2", "data-ciphers AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305", "auth-user-pass",
        ]
        for option in expected { #expect(lines.filter { $0 == option }.count == 1, "\(option)") }
        #expect(!lines.contains { $0.hasPrefix("persist-tun") })
    }

    @Test("an auto-login profile asks for nothing")
    func autoLogin() throws {
        var fixture = try Fixture()
        let profile = try issue(&fixture, kind: .autoLogin)
        #expect(!lines(profile).contains { $0.hasPrefix("auth-user-pass") })
        #expect(profile.record.profile == .autoLogin)
    }

    @Test("settings decide about hold-tun, ciphers and TLS")
    func settings() throws {
        var fixture = try Fixture()
        fixture.settings["hold-tun"] = "true"
        fixture.settings["data.ciphers"] = "CHACHA20-POLY1305"
        fixture.settings["tls.version-min"] = "1.3"
        let lines = lines(try issue(&fixture))
        #expect(lines.contains("persist-tun"))
        #expect(lines.contains("data-ciphers CHACHA20-POLY1305"))
        #expect(lines.contains("tls-version-min 1.3"))
    }

    @Test("there is a remote line for each host and port")
    func remotes() throws {
        var fixture = try Fixture()
        let listeners = ["udp:1194", "udp:[::]:1194", "udp:4500"].compactMap { ListenAddress($0) }
        let remotes = try ProfileRemote.all(hosts: ["vpn.example.com", "2001:db8::1"], listeners: listeners)
        let found = lines(try issue(&fixture, remotes: remotes)).filter { $0.hasPrefix("remote ") }
        #expect(
            found == [
                "remote vpn.example.com 1194 udp", "remote 2001:db8::1 1194 udp", "remote vpn.example.com 4500 udp",
                "remote 2001:db8::1 4500 udp",
            ])
    }

    @Test(
        "a host name that could write lines of its own is refused",
        arguments: ["", "a b", "a\nup /bin/sh", "a\rb", "host udp", "<ca>", "ä.example", "-a"])
    func hostileHost(host: String) {
        #expect(throws: ProfileError.self) { try ProfileRemote(host: host, port: 1194) }
    }

    @Test("no remotes, too many, and port 0 are refused")
    func badRemotes() throws {
        #expect(throws: ProfileError.self) { try ProfileRemote(host: "a.example", port: 0) }
        #expect(throws: ProfileError.self) { try ProfileRemote.all(hosts: ["a.example"], listeners: []) }
        let many = (1...65).map { ListenAddress(transport: .udp, port: UInt16($0)) }
        #expect(throws: ProfileError.self) { try ProfileRemote.all(hosts: ["a.example"], listeners: many) }
        var fixture = try Fixture()
        #expect(throws: ProfileError.self) { try issue(&fixture, remotes: []) }
    }

    @Test("a user's or server's name from a hostile row is not written", arguments: ["alice\nup /bin/sh", "a<b", ""])
    func hostileNames(name: String) throws {
        var fixture = try Fixture()
        #expect(throws: ProfileError.self) { try issue(&fixture, name: name) }
        let user = try fixture.addUser("bob")
        let certificate = try fixture.addCertificate(of: user)
        let content = ProfileContent(
            userName: "bob", kind: .userLocked, remotes: [try ProfileRemote(host: "a.example", port: 1)],
            serverName: name, authoritiesPEM: fixture.server.authoritiesPEM, certificate: certificate,
            key: .generate(), wrap: .tlsCrypt(fixture.shared.tlsCrypt),
            settings: Settings(cluster: fixture.clusterID), issuedAt: fixture.now)
        #expect(throws: ProfileError.self) { try ProfileWriter().text(of: content) }
    }

    @Test("the inline parts belong together: authority, certificate, key, and a tls-crypt-v2 key of its own")
    func inlineParts() throws {
        var fixture = try Fixture()
        let profile = try issue(&fixture)
        #expect(try block("ca", in: profile) == fixture.server.authoritiesPEM)
        let der = try PEMBlock(label: "CERTIFICATE", in: block("cert", in: profile)).bytes
        #expect(der == profile.record.der)
        let leaf = try LeafIdentity(der: der)
        #expect(leaf.userID == fixture.users.last?.id && leaf.serial == profile.record.serial)
        let folder = try TemporaryFolder()
        try folder.write(block("key", in: profile), to: "key.pem")
        try folder.write(block("cert", in: profile), to: "cert.pem")
        let fromKey = try folder.openssl(["pkey", "-in", "key.pem", "-pubout"])
        #expect(fromKey.status == 0)
        #expect(fromKey.output == (try folder.openssl(["x509", "-in", "cert.pem", "-noout", "-pubkey"])).output)
        let wrapped = try TLSCryptV2ClientKey(pem: block("tls-crypt-v2", in: profile))
        let opened = try WrappedClientKey.open(
            wrapped.wrapped, serverKey: fixture.shared.tlsCryptV2, crypto: SwiftCryptoFormatCryptography())
        #expect(opened.key == wrapped.key)
        guard case .user(let content) = opened.metadata else {
            Issue.record("no metadata")
            return
        }
        #expect(
            ProfileKeyMetadata(content: content)
                == ProfileKeyMetadata(user: try #require(leaf.userID), serial: leaf.serial))
    }

    @Test("two profiles share neither key")
    func ownKeys() throws {
        var fixture = try Fixture()
        let (one, two) = (try issue(&fixture), try issue(&fixture, name: "bob"))
        #expect(try block("key", in: one) != block("key", in: two))
        #expect(try block("tls-crypt-v2", in: one) != block("tls-crypt-v2", in: two))
    }

    @Test("a profile can be wrapped with the cluster's tls-crypt key")
    func staticWrap() throws {
        var fixture = try Fixture()
        let certificate = try fixture.addCertificate(of: fixture.addUser("bob"))
        let content = ProfileContent(
            userName: "bob", kind: .userLocked, remotes: [try ProfileRemote(host: "192.0.2.1", port: 1194)],
            serverName: "node", authoritiesPEM: fixture.server.authoritiesPEM, certificate: certificate,
            key: .generate(), wrap: .tlsCrypt(fixture.shared.tlsCrypt),
            settings: Settings(cluster: fixture.clusterID), issuedAt: fixture.now)
        let text = try ProfileWriter().text(of: content)
        let profile = IssuedProfile(record: fixture.records[0], text: text)
        #expect(try StaticKey(text: block("tls-crypt", in: profile)) == fixture.shared.tlsCrypt)
    }

    @Test("the comment tells a person what the file is; names in any script are fine")
    func comment() throws {
        var fixture = try Fixture()
        let profile = try issue(&fixture, name: "名前 é")
        #expect(lines(profile)[0] == "# OpenVPN profile of 名前 é for vpn.example.com. It asks for the password of 名前 é.")
        #expect(profile.text.contains("# Certificate \(profile.record.serial)\n"))
        #expect(profile.record.commonName == "__ _")
    }

    @Test("a user who may not use auto-login gets no such profile")
    func autoLoginNotAllowed() throws {
        var fixture = try Fixture()
        let user = try fixture.addUser("alice")
        let issuer = try ProfileIssuer(authority: fixture.authority, snapshot: fixture.snapshot)
        #expect(throws: ProfileError.self) {
            try issuer.issue(
                to: user, kind: .autoLogin, remotes: [ProfileRemote(host: "a.example", port: 1)], now: fixture.now,
                using: &fixture.random)
        }
    }

    @Test("a profile that was issued lets its user in once its row is stored")
    func login() throws {
        var fixture = try Fixture()
        let profile = try issue(&fixture)
        let request = LoginRequest(
            certificate: profile.record.der, userName: "alice", password: Array(Fixture.password.utf8))
        #expect(try fixture.login(request).reason == .certificateUnknown)
        fixture.records.append(profile.record)
        #expect(try fixture.login(request).admission != nil)
        #expect("\(profile)" == "IssuedProfile(\(profile.record.serial))")
    }

    @Test("the lifetime of a profile is a setting")
    func lifetime() throws {
        var fixture = try Fixture()
        fixture.settings["certificate.client-lifetime"] = "1m"
        let profile = try issue(&fixture)
        #expect(profile.record.notAfter == fixture.now + .seconds(60))
    }

    @Test("metadata of another form, length or version is not read")
    func badMetadata() {
        var random = SeededGenerator(seed: 1)
        let good = ProfileKeyMetadata(user: UserID(using: &random), serial: CertificateSerial(using: &random)).content
        #expect(ProfileKeyMetadata(content: good) != nil)
        for count in 0...17 { #expect(ProfileKeyMetadata(content: Array(good.prefix(count))) == nil) }
        #expect(ProfileKeyMetadata(content: [2] + good.dropFirst()) == nil)
        #expect(ProfileKeyMetadata(content: good + [UInt8](repeating: 0, count: 5)) == nil)
        #expect(ProfileKeyMetadata(content: Array(good.prefix(17)) + [0] + good.dropFirst(17)) == nil)
    }
}
