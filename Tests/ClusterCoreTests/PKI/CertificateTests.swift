import Crypto
import Foundation
import ProtocolTestKit
import SwiftASN1
import Testing
import X509

@testable import ClusterCore

@Suite("Certificates")
struct CertificateTests {
    @Test("a server's certificate has what stock clients check")
    func serverCertificate() throws {
        let fixture = try Fixture()
        let certificate = try X509.Certificate(derEncoded: fixture.server.certificate.der)
        let name = CertificateAuthority.stableServerName(clusterID: fixture.clusterID)
        #expect(fixture.server.certificate.commonName == name)
        #expect(try certificate.extensions.extendedKeyUsage?.contains(.serverAuth) == true)
        #expect(try certificate.extensions.extendedKeyUsage?.count == 1)
        #expect(try certificate.extensions.keyUsage?.digitalSignature == true)
        let names = try #require(try certificate.extensions.subjectAlternativeNames)
        #expect(Array(names) == [.dnsName(name), .dnsName("vpn.example.com")])
    }

    @Test("a server's certificate can carry addresses")
    func serverAddresses() throws {
        var fixture = try Fixture()
        let issued = try fixture.authority.issueServer(
            name: "node", hostNames: ["192.0.2.1", "2001:db8::1"], key: .generate(), now: fixture.now,
            using: &fixture.random)
        let names = try X509.Certificate(derEncoded: issued.der).extensions.subjectAlternativeNames ?? .init()
        #expect(names.contains(.ipAddress(ASN1OctetString(contentBytes: [192, 0, 2, 1]))))
        #expect(names.count == 3)
    }

    @Test("a client's certificate says who it is for, and is read back so")
    func clientCertificate() throws {
        var fixture = try Fixture()
        let user = try fixture.addUser("alice")
        let issued = try fixture.addCertificate(of: user)
        let leaf = try LeafIdentity(der: issued.der)
        #expect(leaf.userID == user.id)
        #expect(leaf.commonName == "alice")
        #expect(leaf.serial == issued.serial)
        #expect(leaf.serial.bytes.count == 16)
        #expect(leaf.notBefore == issued.notBefore && leaf.notAfter == issued.notAfter)
        #expect(leaf.notAfter == fixture.authority.certificate.notAfter)
        #expect(leaf.fingerprint == Array(SHA256.hash(data: issued.der)))
    }

    @Test("validity begins a day early, ends when asked, and never after the authority's")
    func validity() throws {
        var fixture = try Fixture()
        let user = try fixture.addUser("alice")
        let short = try fixture.addCertificate(of: user, validity: #require(CertificateValidity(days: 30)))
        #expect(short.notBefore == fixture.now - .seconds(86_400))
        #expect(short.notAfter == fixture.now + .seconds(30 * 86_400))
        fixture.now = fixture.now + .seconds(86_400)
        #expect(try fixture.addCertificate(of: user).notAfter == fixture.authority.certificate.notAfter)
        fixture.now = fixture.authority.certificate.notAfter
        let error = #expect(throws: PKIError.self) { try fixture.addCertificate(of: user) }
        #expect(error?.code == .badValidity)
    }

    @Test(
        "a setting's duration is brought into bounds",
        arguments: [(0, 60), (90, 90), (Int64.max / 2, 631_152_000)] as [(Int64, Int64)])
    func validityOfDuration(seconds: Int64, expected: Int64) {
        #expect(CertificateValidity(.seconds(seconds)).seconds == expected)
    }

    @Test("serial numbers do not repeat")
    func serials() throws {
        var fixture = try Fixture()
        let user = try fixture.addUser("alice")
        let serials = try (0..<20).map { _ in try fixture.addCertificate(of: user).serial }
        #expect(Set(serials).count == 20)
    }

    @Test(
        "a common name is what stock clients leave as it is",
        arguments: [
            ("alice", "alice"), ("älice", "_lice"), ("a/b=c", "a_b_c"), ("o'hara, jr", "o_hara_ jr"),
            ("alice@example.com", "alice@example.com"),
            (String(repeating: "x", count: 90), String(repeating: "x", count: 64)),
            (" ", "_"), ("名前", "__"), ("a\nb", "a_b"),
        ])
    func commonNames(userName: String, expected: String) {
        #expect(CertificateNames.clientCommonName(userName: userName) == expected)
    }

    @Test(
        "a server's name that could not stand in a profile is refused",
        arguments: ["", "a b", "a\nb", "a\"b", "-a", "ü", String(repeating: "x", count: 65)])
    func badServerNames(name: String) throws {
        var fixture = try Fixture()
        let error = #expect(throws: PKIError.self) {
            try fixture.authority.issueServer(
                name: name, hostNames: [], key: .generate(), now: fixture.now, using: &fixture.random)
        }
        #expect(error?.code == .badName)
    }

    @Test("a user's id stands in a URI in one form only")
    func userURIs() throws {
        var random = SeededGenerator(seed: 1)
        let user = UserID(using: &random)
        let uri = CertificateNames.uri(of: user)
        #expect(uri.hasPrefix("urn:uuid:") && uri.utf8.count == 45)
        #expect(CertificateNames.userID(uri: uri) == user)
        let moved = "urn:uuid:" + uri.dropFirst(9).filter { $0 != "-" } + "----"
        let bad = [
            uri.uppercased(), uri + "0", String(uri.dropLast()), moved, "urn:uuid:", "", "URN:uuid:" + uri.dropFirst(9),
            String(uri.dropLast(2)) + "+1", String(uri.dropLast(1)) + "é",
        ]
        for text in bad { #expect(CertificateNames.userID(uri: text) == nil, "\(text)") }
    }

    @Test("an authority is taken over with its key only")
    func takeOver() throws {
        let fixture = try Fixture()
        let authority = fixture.authority
        let again = try CertificateAuthority(der: authority.certificate.der, key: authority.key)
        #expect(again.certificate == authority.certificate)
        let wrongKey = #expect(throws: PKIError.self) {
            try CertificateAuthority(der: authority.certificate.der, key: .generate())
        }
        #expect(wrongKey?.code == .badKey)
        let noAuthority = #expect(throws: PKIError.self) {
            try CertificateAuthority(der: fixture.server.certificate.der, key: fixture.server.key)
        }
        #expect(noAuthority?.code == .badCertificate)
    }

    @Test("bytes that are no certificate are refused: short, changed, long, none")
    func hostileBytes() throws {
        var fixture = try Fixture()
        let der = try fixture.addCertificate(of: fixture.addUser("alice")).der
        for count in stride(from: 0, to: der.count, by: 7) {
            #expect(throws: PKIError.self) { try LeafIdentity(der: Array(der.prefix(count))) }
        }
        #expect(throws: PKIError.self) { try LeafIdentity(der: der + [0]) }
        #expect(throws: PKIError.self) { try LeafIdentity(der: [UInt8](repeating: 0x30, count: 20_000)) }
        var random = SeededGenerator()
        for _ in 0..<300 {
            var changed = der
            changed[Int(random.next() % UInt64(der.count))] = UInt8(truncatingIfNeeded: random.next())
            _ = try? LeafIdentity(der: changed)
        }
    }

    @Test("a leaf with two common names, none, or a control character in it is refused")
    func hostileSubjects() throws {
        let subjects = [
            try DistinguishedName {
                CommonName("alice")
                CommonName("bob")
            }, try DistinguishedName { OrganizationName("alice") }, try DistinguishedName { CommonName("a\0b") },
            try DistinguishedName { CommonName(String(repeating: "x", count: 65)) },
        ]
        for subject in subjects {
            #expect(throws: PKIError.self) { try LeafIdentity(der: selfSigned(subject, names: [])) }
        }
    }

    @Test("a leaf that names two users is refused; other alternative names do not count")
    func severalUsers() throws {
        var random = SeededGenerator(seed: 1)
        let uris = [UserID(using: &random), UserID(using: &random)].map { CertificateNames.uri(of: $0) }
        let names = uris.map { GeneralName.uniformResourceIdentifier($0) }
        let subject = try DistinguishedName { CommonName("alice") }
        #expect(throws: PKIError.self) { try LeafIdentity(der: selfSigned(subject, names: names)) }
        let one = try LeafIdentity(der: selfSigned(subject, names: [names[0], .dnsName("x"), .rfc822Name("a@b")]))
        #expect(one.userID == CertificateNames.userID(uri: uris[0]))
        #expect(try LeafIdentity(der: selfSigned(subject, names: [])).userID == nil)
    }

    private func selfSigned(_ subject: DistinguishedName, names: [GeneralName]) throws -> [UInt8] {
        let key = X509.Certificate.PrivateKey(P256.Signing.PrivateKey())
        let certificate = try X509.Certificate(
            version: .v3, serialNumber: .init(bytes: [1, 2, 3]), publicKey: key.publicKey,
            notValidBefore: Date(timeIntervalSince1970: 1_700_000_000),
            notValidAfter: Date(timeIntervalSince1970: 1_900_000_000), issuer: subject, subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: X509.Certificate.Extensions { if !names.isEmpty { SubjectAlternativeNames(names) } },
            issuerPrivateKey: key)
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return serializer.serializedBytes
    }

    @Test("a key shows in no description")
    func keyRedaction() {
        let key = SigningKey.generate()
        var dumped = ""
        dump(key, to: &dumped)
        let start = key.rawBytes.prefix(4).map { "\($0)" }.joined(separator: ", ")
        #expect(!"\(key)\(dumped)\(String(reflecting: key))".contains(start))
        #expect("\(key)" == "SigningKey(P-256, redacted)")
    }

    @Test("a server's certificate is renewed in the last third of its validity")
    func renewal() {
        let (begin, end) = (Timestamp(seconds: 0), Timestamp(seconds: 90))
        #expect(!CertificateRenewal.isDue(notBefore: begin, notAfter: end, now: Timestamp(seconds: 60)))
        #expect(CertificateRenewal.isDue(notBefore: begin, notAfter: end, now: Timestamp(seconds: 61)))
        #expect(CertificateRenewal.isDue(notBefore: end, notAfter: begin, now: begin))
    }

    @Test(
        "host names follow RFC 1123",
        arguments: [
            ("vpn.example.com", true), ("a", true), ("xn--bcher-kva.example", true), ("1a.b2", true), ("", false),
            ("a..b", false), (".a", false), ("a.", false), ("-a.b", false), ("a-.b", false), ("a b", false),
            ("a\nb", false), ("192.0.2.1", false), ("ü.example", false), (String(repeating: "a", count: 64), false),
            (Array(repeating: "abcdefg", count: 33).joined(separator: "."), false),
        ])
    func hostNames(text: String, isValid: Bool) {
        #expect((HostName(text) != nil) == isValid)
    }
}
