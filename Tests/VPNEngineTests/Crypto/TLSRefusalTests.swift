import Crypto
import Testing
import VPNEngine

@Suite("TLS refuses")
struct TLSRefusalTests {
    /// Runs a handshake and returns how the server and the client ended.
    private func outcome(
        version: TLSVersion, serverTrusts: TestAuthority, server: TLSCredentials, client: TLSCredentials
    ) throws -> (server: TLSObject, client: TLSObject) {
        var pair = try TLSPair(
            server: TLSServerContext(server, versions: version...version), client: TLSClientContext(client))
        pair.settle()
        // A TLS 1.3 client is done before the server has looked at its certificate: the alert comes with a read.
        _ = pair.client.read()
        return (pair.server, pair.client)
    }

    private func code(_ state: TLSState) -> TLSFailure.Code? {
        if case .failed(let failure) = state { failure.code } else { nil }
    }

    @Test("a client without a certificate, which gets an alert", arguments: TLSVersion.allCases)
    func missingCertificate(version: TLSVersion) throws {
        let authority = try TestAuthority()
        let ends = try outcome(
            version: version, serverTrusts: authority,
            server: authority.credentials(authority.issue("server", .server)), client: authority.credentials(nil))
        #expect(code(ends.server.state) == .missingCertificate)
        #expect(code(ends.client.state) == .alertReceived)
        #expect(ends.server.read() == nil)
        #expect(ends.server.exportKeyingMaterial(label: "x", length: 16) == nil)
    }

    @Test("a client of another authority, which gets an alert", arguments: TLSVersion.allCases)
    func foreignAuthority(version: TLSVersion) throws {
        let authority = try TestAuthority()
        let stranger = try TestAuthority("Test CA")
        let leaf = try stranger.issue("client", .client)
        let ends = try outcome(
            version: version, serverTrusts: authority,
            server: authority.credentials(authority.issue("server", .server)),
            client: stranger.credentials(leaf, trusting: authority))
        #expect(code(ends.server.state) == .untrustedCertificate)
        #expect(code(ends.client.state) == .alertReceived)
    }

    @Test("a self-signed client certificate", arguments: TLSVersion.allCases)
    func selfSigned(version: TLSVersion) throws {
        let authority = try TestAuthority()
        let alone = try TestAuthority("alone")
        let client = TLSCredentials(
            authorities: [try authority.der], chain: [try alone.der],
            privateKey: Array(alone.key.pemRepresentation.utf8))
        let ends = try outcome(
            version: version, serverTrusts: authority,
            server: authority.credentials(authority.issue("server", .server)), client: client)
        #expect(code(ends.server.state) == .untrustedCertificate)
    }

    @Test("a foreign leaf that is also expired: the date does not hide the rest", arguments: TLSVersion.allCases)
    func expiredForeignLeaf(version: TLSVersion) throws {
        let authority = try TestAuthority()
        let stranger = try TestAuthority()
        let leaf = try stranger.issue("client", .client, from: -7_200, to: -3_600)
        let ends = try outcome(
            version: version, serverTrusts: authority,
            server: authority.credentials(authority.issue("server", .server)),
            client: stranger.credentials(leaf, trusting: authority))
        #expect(code(ends.server.state) == .untrustedCertificate)
    }

    @Test("a server's certificate in a client's hand, expired or not", arguments: TLSVersion.allCases, [-60.0, 3_600])
    func wrongPurpose(version: TLSVersion, end: Double) throws {
        let authority = try TestAuthority()
        let ends = try outcome(
            version: version, serverTrusts: authority,
            server: authority.credentials(authority.issue("server", .server)),
            client: authority.credentials(authority.issue("server", .server, to: end)))
        #expect(code(ends.server.state) == .untrustedCertificate)
    }

    @Test("a client's certificate in a server's hand", arguments: TLSVersion.allCases)
    func wrongServerPurpose(version: TLSVersion) throws {
        let authority = try TestAuthority()
        let ends = try outcome(
            version: version, serverTrusts: authority,
            server: authority.credentials(authority.issue("client", .client)),
            client: authority.credentials(authority.issue("client", .client)))
        #expect(code(ends.client.state) == .untrustedCertificate)
        #expect(code(ends.server.state) == .alertReceived)
    }

    @Test(
        "not dates of the client's leaf: they are the caller's to judge",
        arguments: TLSVersion.allCases, [(-7_200.0, -3_600.0), (3_600, 7_200)])
    func datesPass(version: TLSVersion, validity: (Double, Double)) throws {
        let authority = try TestAuthority()
        let leaf = try authority.issue("client", .client, from: validity.0, to: validity.1)
        let ends = try outcome(
            version: version, serverTrusts: authority,
            server: authority.credentials(authority.issue("server", .server)), client: authority.credentials(leaf))
        #expect(ends.server.state == .established)
        #expect(ends.client.state == .established)
        #expect(ends.server.peerCertificateDER == leaf.certificate)
    }

    @Test("an expired server, at the client", arguments: TLSVersion.allCases)
    func expiredServer(version: TLSVersion) throws {
        let authority = try TestAuthority()
        let ends = try outcome(
            version: version, serverTrusts: authority,
            server: authority.credentials(authority.issue("server", .server, from: -7_200, to: -3_600)),
            client: authority.credentials(authority.issue("client", .client)))
        #expect(code(ends.client.state) == .untrustedCertificate)
    }

    @Test("a client that speaks no version in common")
    func versions() throws {
        let authority = try TestAuthority()
        var pair = try TLSPair(
            server: TLSServerContext(
                authority.credentials(authority.issue("server", .server)), versions: .tls13 ... .tls13),
            client: TLSClientContext(
                authority.credentials(authority.issue("client", .client)), versions: .tls12 ... .tls12))
        pair.settle()
        #expect(code(pair.server.state) == .protocolViolation)
        #expect(code(pair.client.state) == .alertReceived)
    }

    @Test(
        "bytes that are no TLS, with an alert at most",
        arguments: [
            Array("GET / HTTP/1.1\r\n\r\n".utf8), Array(repeating: 0, count: 64), Array(repeating: 0xff, count: 64),
            // A record of a handshake message of a type that no client begins with, and one longer than a record may be.
            hexBytes("16030100050b00000100"), hexBytes("160301ffff0100"),
        ])
    func garbage(bytes: [UInt8]) throws {
        let authority = try TestAuthority()
        let context = try TLSServerContext(authority.credentials(authority.issue("server", .server)))
        let server = try TLSObject(server: context)
        server.feed(bytes)
        server.step()
        #expect(code(server.state) == .protocolViolation)
        #expect(server.drainCiphertext(max: 4_096).count <= 64)
        // Nothing brings it back.
        let state = server.state
        server.feed([0x16, 0x03, 0x01])
        #expect(server.step() == state)
    }

    @Test("a client's opening flight with any one byte changed, without ever getting established")
    func damagedHello() throws {
        let authority = try TestAuthority()
        let context = try TLSServerContext(authority.credentials(authority.issue("server", .server)))
        let client = try TLSObject(
            client: TLSClientContext(authority.credentials(authority.issue("client", .client))))
        client.step()
        let hello = client.drainCiphertext(max: 4_096)
        #expect(hello.count > 100)
        for index in hello.indices {
            let server = try TLSObject(server: context)
            var damaged = hello
            damaged[index] ^= 0x55
            server.feed(damaged)
            server.step()
            #expect(server.state != .established)
            #expect(server.drainCiphertext(max: 8_192).count <= 4_096)
        }
    }

    @Test("a connection that is damaged after the handshake", arguments: TLSVersion.allCases)
    func damagedRecord(version: TLSVersion) throws {
        let authority = try TestAuthority()
        var pair = try TLSPair(
            server: TLSServerContext(
                authority.credentials(authority.issue("server", .server)), versions: version...version),
            client: TLSClientContext(authority.credentials(authority.issue("client", .client))))
        pair.settle()
        let written = pair.client.write([1, 2, 3])
        #expect(written)
        var record = pair.client.drainCiphertext(max: 1_000)
        record[record.count - 1] ^= 1
        pair.server.feed(record)
        #expect(pair.server.read() == nil)
        #expect(code(pair.server.state) == .protocolViolation)
    }

    @Test("more bytes than it will hold")
    func flood() throws {
        let authority = try TestAuthority()
        let context = try TLSServerContext(authority.credentials(authority.issue("server", .server)))
        let server = try TLSObject(server: context)
        server.feed(Array(repeating: 0, count: TLSObject.maximumPendingInputBytes))
        #expect(server.state == .handshaking)
        server.feed([0])
        #expect(code(server.state) == .limitExceeded)
    }

    @Test("an opening message that is announced longer than any real one, in pieces of any size", arguments: 1...9)
    func longOpening(chunk: Int) throws {
        let authority = try TestAuthority()
        let context = try TLSServerContext(authority.credentials(authority.issue("server", .server)))
        for (bytes, accepted) in [
            (hexBytes("1603010200 01004000"), true), (hexBytes("1603010200 01004001"), false),
            (hexBytes("1603010200 01ffffff"), false), (hexBytes("1603010003 010040"), false),
        ] {
            let server = try TLSObject(server: context)
            for start in stride(from: 0, to: bytes.count, by: chunk) {
                server.feed(Array(bytes[start..<min(start + chunk, bytes.count)]))
                server.step()
            }
            #expect(code(server.state) == (accepted ? nil : .limitExceeded), "\(hexText(bytes))")
        }
    }

    @Test("to queue more than it will hold")
    func outputFlood() throws {
        let authority = try TestAuthority()
        var pair = try TLSPair(
            server: TLSServerContext(authority.credentials(authority.issue("server", .server))),
            client: TLSClientContext(authority.credentials(authority.issue("client", .client))))
        pair.settle()
        var written = 0
        while pair.server.write(Array(repeating: 0, count: 2_048)), written < 1_000 { written += 1 }
        #expect(written >= 31 && written <= 33)
        #expect(pair.server.state == .established)
    }

    @Test("one session's failure leaves no trace in another on the same thread")
    func errorQueue() throws {
        let authority = try TestAuthority()
        let serverContext = try TLSServerContext(authority.credentials(authority.issue("server", .server)))
        let broken = try TLSObject(server: serverContext)
        var pair = try TLSPair(
            server: serverContext, client: TLSClientContext(authority.credentials(authority.issue("client", .client))))
        broken.feed(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        broken.step()
        #expect(code(broken.state) == .protocolViolation)
        pair.settle()
        #expect(pair.server.state == .established)
    }
}

@Suite("TLS credentials")
struct TLSCredentialsTests {
    @Test("PEM and DER are both read, also several in one text")
    func forms() throws {
        let authority = try TestAuthority()
        let other = try TestAuthority("Other CA")
        let leaf = try authority.issue("server", .server)
        _ = try TLSServerContext(
            TLSCredentials(
                authorities: [try other.pem + [0x0a] + authority.pem], chain: [leaf.certificate],
                privateKey: leaf.privateKeyPEM))
        _ = try TLSServerContext(
            TLSCredentials(
                authorities: [try authority.der], chain: [leaf.certificate, try authority.pem],
                privateKey: leaf.privateKeyPEM))
    }

    @Test("what does not parse or fit is named")
    func faults() throws {
        let authority = try TestAuthority()
        let leaf = try authority.issue("server", .server)
        let other = try authority.issue("other", .server)
        let ca = try authority.der
        let cases: [(TLSCredentials, CryptographyError.Code)] = [
            (
                TLSCredentials(authorities: [], chain: [leaf.certificate], privateKey: leaf.privateKeyPEM),
                .invalidCertificate
            ),
            (
                TLSCredentials(authorities: [[0x30, 0x01]], chain: [leaf.certificate], privateKey: leaf.privateKeyPEM),
                .invalidCertificate
            ),
            (
                TLSCredentials(authorities: [ca + [0]], chain: [leaf.certificate], privateKey: leaf.privateKeyPEM),
                .invalidCertificate
            ),
            (
                TLSCredentials(
                    authorities: [Array("x".utf8)], chain: [leaf.certificate], privateKey: leaf.privateKeyPEM),
                .invalidCertificate
            ),
            (TLSCredentials(authorities: [ca], chain: [], privateKey: leaf.privateKeyPEM), .invalidCertificate),
            (TLSCredentials(authorities: [ca], chain: [[]], privateKey: leaf.privateKeyPEM), .invalidCertificate),
            (TLSCredentials(authorities: [ca], chain: [leaf.certificate], privateKey: []), .invalidKey),
            (TLSCredentials(authorities: [ca], chain: [leaf.certificate], privateKey: [0x30, 0x00]), .invalidKey),
            (
                TLSCredentials(authorities: [ca], chain: [leaf.certificate], privateKey: other.privateKeyPEM),
                .keyMismatch
            ),
        ]
        for (credentials, code) in cases {
            let error = #expect(throws: CryptographyError.self) { _ = try TLSServerContext(credentials) }
            #expect(error?.code == code, "\(error?.message ?? "")")
        }
    }

    @Test("the text of an error quotes no key")
    func secretsStayOut() throws {
        let authority = try TestAuthority()
        let leaf = try authority.issue("server", .server)
        var broken = leaf.privateKeyPEM
        broken[40] = UInt8(ascii: "!")
        let error = #expect(throws: CryptographyError.self) {
            _ = try TLSServerContext(
                TLSCredentials(authorities: [authority.der], chain: [leaf.certificate], privateKey: broken))
        }
        let text = try #require(error).description
        let secret = String(decoding: leaf.privateKeyPEM, as: UTF8.self).split(separator: "\n")[1]
        #expect(!text.contains(secret.prefix(12)))
    }
}
