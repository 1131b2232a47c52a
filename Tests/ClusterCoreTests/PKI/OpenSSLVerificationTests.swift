import Foundation
import Testing

@testable import ClusterCore

/// What the `openssl` command says of certificates that were issued here.
@Suite("Certificates as OpenSSL sees them")
struct OpenSSLVerificationTests {
    @Test("server and client certificates verify for their purpose, strictly, and for no other")
    func purposes() throws {
        var fixture = try Fixture()
        let client = try fixture.addCertificate(of: fixture.addUser("alice"))
        let folder = try TemporaryFolder()
        try folder.write(fixture.server.authoritiesPEM, to: "ca.pem")
        try folder.write(fixture.server.certificate.pem, to: "server.pem")
        try folder.write(client.pem, to: "client.pem")
        let cases = [("sslserver", "server"), ("sslclient", "client")]
        for (purpose, name) in cases {
            for (other, file) in cases {
                let result = try folder.openssl([
                    "verify", "-x509_strict", "-attime", "\(fixture.now.seconds)", "-purpose", purpose, "-CAfile",
                    "ca.pem", "\(file).pem",
                ])
                #expect((result.status == 0) == (file == name), "\(purpose) \(other): \(result.output)")
            }
        }
    }

    @Test("a certificate of another authority does not verify")
    func otherAuthority() throws {
        let (mine, other) = (try Fixture(seed: 1), try Fixture(seed: 2))
        let folder = try TemporaryFolder()
        try folder.write(mine.server.authoritiesPEM, to: "ca.pem")
        try folder.write(other.server.certificate.pem, to: "server.pem")
        let result = try folder.openssl(["verify", "-CAfile", "ca.pem", "server.pem"])
        #expect(result.status != 0)
    }

    @Test("a private key in PEM belongs to its certificate")
    func keyAndCertificate() throws {
        let fixture = try Fixture()
        let folder = try TemporaryFolder()
        try folder.write(fixture.server.key.pem, to: "key.pem")
        try folder.write(fixture.server.certificate.pem, to: "server.pem")
        let fromKey = try folder.openssl(["pkey", "-in", "key.pem", "-pubout"])
        let fromCertificate = try folder.openssl(["x509", "-in", "server.pem", "-noout", "-pubkey"])
        #expect(fromKey.status == 0)
        #expect(fromKey.output == fromCertificate.output)
    }
}

/// A folder that goes away with the test.
final class TemporaryFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("asnode-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: url.appendingPathComponent(name))
    }

    func openssl(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.currentDirectoryURL = url
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
