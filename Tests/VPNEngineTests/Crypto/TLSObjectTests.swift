import Testing
import VPNEngine

@Suite("TLS over memory")
struct TLSObjectTests {
    /// A pair whose both sides have good certificates of one authority.
    private func goodPair(_ versions: ClosedRange<TLSVersion> = .tls12 ... .tls13) throws -> TLSPair {
        let authority = try TestAuthority()
        let server = try TLSServerContext(
            authority.credentials(authority.issue("server", .server)), versions: versions)
        let client = try TLSClientContext(authority.credentials(authority.issue("client", .client)))
        return try TLSPair(server: server, client: client)
    }

    @Test("both sides get established, in pieces of any size", arguments: TLSVersion.allCases, [1, 100, 1_200, 65_536])
    func handshake(version: TLSVersion, chunk: Int) throws {
        var pair = try goodPair(version...version)
        pair.settle(chunk: chunk)
        #expect(pair.server.state == .established)
        #expect(pair.client.state == .established)
        #expect(pair.server.version == version)
        #expect(pair.client.version == version)
    }

    @Test("no session ticket is sent", arguments: TLSVersion.allCases)
    func noTickets(version: TLSVersion) throws {
        var pair = try goodPair(version...version)
        pair.settle()
        let before = pair.bytesExchanged
        #expect(pair.server.pendingOutputBytes == 0)
        pair.settle()
        #expect(pair.bytesExchanged == before)
    }

    @Test("the cipher is forward secret and authenticated", arguments: TLSVersion.allCases)
    func ciphers(version: TLSVersion) throws {
        var pair = try goodPair(version...version)
        pair.settle()
        let name = try #require(pair.server.cipherName)
        #expect(name.contains("GCM") || name.contains("CHACHA20"))
        #expect(version == .tls13 || name.hasPrefix("ECDHE-"))
    }

    @Test("each write is one record and each read gives one", arguments: TLSVersion.allCases)
    func records(version: TLSVersion) throws {
        var pair = try goodPair(version...version)
        pair.settle()
        let messages = [Array("PUSH_REQUEST\0".utf8), [0], Array(repeating: UInt8(5), count: 2_048)]
        for message in messages {
            let written = pair.client.write(message)
            #expect(written)
        }
        pair.settle()
        for message in messages { #expect(pair.server.read() == message) }
        #expect(pair.server.read() == nil)
        #expect(pair.server.state == .established)
        let answered = pair.server.write(Array("PUSH_REPLY\0".utf8))
        #expect(answered)
        pair.settle()
        #expect(pair.client.read() == Array("PUSH_REPLY\0".utf8))
    }

    @Test("a record longer than a message comes in marked pieces")
    func longRecord() throws {
        var pair = try goodPair()
        pair.settle()
        let written = pair.client.write(Array(repeating: 1, count: 2_049))
        #expect(written)
        pair.settle()
        #expect(pair.server.read()?.count == 2_048)
        #expect(pair.server.hasRestOfRecord)
        #expect(pair.server.read()?.count == 1)
        #expect(!pair.server.hasRestOfRecord)
        let refused = [pair.client.write([]), pair.client.write(Array(repeating: 1, count: 16_385))]
        #expect(refused == [false, false])
    }

    @Test(
        "both sides export the same key material, other labels and lengths give other", arguments: TLSVersion.allCases)
    func exporter(version: TLSVersion) throws {
        var pair = try goodPair(version...version)
        #expect(pair.server.exportKeyingMaterial(label: "EXPORTER-OpenVPN-datakeys", length: 256) == nil)
        pair.settle()
        let ofServer = pair.server.exportKeyingMaterial(label: "EXPORTER-OpenVPN-datakeys", length: 256)
        let ofClient = pair.client.exportKeyingMaterial(label: "EXPORTER-OpenVPN-datakeys", length: 256)
        #expect(ofServer?.count == 256)
        #expect(ofServer == ofClient)
        #expect(pair.server.exportKeyingMaterial(label: "EXPORTER-OpenVPN-dynamic-tls-crypt", length: 256) != ofServer)
        #expect(pair.server.exportKeyingMaterial(label: "EXPORTER-OpenVPN-datakeys", length: 0) == nil)
        #expect(pair.server.exportKeyingMaterial(label: "EXPORTER-OpenVPN-datakeys", length: 4_097) == nil)
    }

    @Test("each side reads the other's certificate", arguments: TLSVersion.allCases)
    func peerCertificates(version: TLSVersion) throws {
        let authority = try TestAuthority()
        let serverLeaf = try authority.issue("server", .server)
        let clientLeaf = try authority.issue("client", .client)
        var pair = try TLSPair(
            server: TLSServerContext(authority.credentials(serverLeaf), versions: version...version),
            client: TLSClientContext(authority.credentials(clientLeaf)))
        #expect(pair.server.peerCertificateDER == nil)
        pair.settle()
        #expect(pair.server.peerCertificateDER == clientLeaf.certificate)
        #expect(pair.client.peerCertificateDER == serverLeaf.certificate)
    }

    @Test("the other side learns of a goodbye", arguments: TLSVersion.allCases)
    func goodbye(version: TLSVersion) throws {
        var pair = try goodPair(version...version)
        pair.settle()
        pair.server.shutdown()
        #expect(pair.server.state == .closed)
        pair.settle()
        #expect(pair.client.read() == nil)
        #expect(pair.client.state == .closed)
        let written = pair.client.write([1])
        #expect(!written)
    }

    @Test("buffers that the handshake filled are empty and usable after it")
    func releasedBuffers() throws {
        var pair = try goodPair()
        pair.settle()
        for round in 0..<50 {
            let message = Array("message \(round)".utf8)
            let written = round % 2 == 0 ? pair.server.write(message) : pair.client.write(message)
            #expect(written)
            pair.settle()
            #expect((round % 2 == 0 ? pair.client.read() : pair.server.read()) == message)
            // A drain that finds nothing gives the buffers back; the next round works on new ones.
            #expect(pair.server.drainCiphertext(max: 100) == [])
            #expect(pair.client.drainCiphertext(max: 100) == [])
        }
    }
}
