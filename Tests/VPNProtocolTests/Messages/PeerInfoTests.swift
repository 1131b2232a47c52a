import ProtocolTestKit
import Testing
import VPNProtocol

@Suite struct PeerInfoTests {
    private let occ =
        "V4,dev-type tun,link-mtu 1541,tun-mtu 1500,proto UDPv4,auth SHA1,keysize 128,key-method 2,tls-client"

    private func occ(_ text: String) throws -> OCCOptions { try #require(OCCOptions(text: text)) }

    @Test func `what a 2.6 client tells is understood`() {
        let info = PeerInfo(
            text: """
                IV_VER=2.6.14
                IV_PLAT=linux
                IV_TCPNL=1
                IV_MTU=1600
                IV_NCP=2
                IV_CIPHERS=AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305
                IV_PROTO=990
                IV_SSO=webauth,crtext

                """)
        #expect(info.version == ClientVersion(2, 6, 14) && info.platform == "linux" && !info.isOpenVPN3)
        #expect(info.maximumTunMTU == 1_600 && info.ciphers.count == 3 && info.acceptsPushedCipher)
        let expected: ProtocolFlags = [
            .dataV2, .requestPush, .tlsKeyExport, .authPendingKeywords, .dnsOption, .controlChannelExit,
            .temporaryAuthFailure, .dynamicTLSCrypt,
        ]
        #expect(info.protocolFlags == expected)
        #expect(info.singleSignOnMethods == ["webauth", "crtext"])
        #expect(PeerInfo(text: info.text) == info)
    }

    @Test(arguments: [
        ("2.6.14", ClientVersion(2, 6, 14)), ("2.7_rc1", ClientVersion(2, 7)), ("3.git:::abc", ClientVersion(3)),
        ("2.4", ClientVersion(2, 4)), ("3.8.4.1", ClientVersion(3, 8, 4)),
    ])
    func `versions are read in all their forms`(text: String, version: ClientVersion) {
        #expect(ClientVersion(text) == version)
    }

    @Test(arguments: ["", "x", ".1", "-1", "9999999999.1"])
    func `texts that begin with no number are no versions`(text: String) {
        #expect(ClientVersion(text) == nil)
    }

    @Test func `versions are ordered by number`() {
        #expect(ClientVersion(2, 4, 12) < ClientVersion(2, 5, 0) && ClientVersion(2, 10) > ClientVersion(2, 9, 9))
    }

    @Test func `lines that are not well-formed are left out and values sanitised`() {
        let info = PeerInfo(
            bytes: Array("=x\nno value\nBAD KEY=1\nA=\u{1B}[31mr\u{E9}d\r\nB=\nC=1=2\n".utf8) + [0xFF, 61, 49])
        #expect(info.entries.map(\.key) == ["A", "B", "C"])
        #expect(info["A"] == "_[31mr__d" && info["B"] == "" && info["C"] == "1=2")
    }

    @Test func `lines, keys, values and text are bounded`() {
        let many = PeerInfo(text: (0..<1_000).map { "K\($0)=v" }.joined(separator: "\n"))
        #expect(many.entries.count == PeerInfo.maximumLines)
        let long = PeerInfo(text: String(repeating: "k", count: 65) + "=v\nk=" + String(repeating: "v", count: 9_000))
        #expect(long.entries.count == 1 && long["k"]?.count == PeerInfo.maximumValueCharacters)
        #expect(PeerInfo(text: String(repeating: "\n", count: 20_000) + "k=v").entries.isEmpty)
    }

    @Test func `numbers that are none do not count`() {
        let info = PeerInfo(["IV_PROTO": "-1", "IV_MTU": "99999999999999999999", "IV_NCP": "x"])
        #expect(info.protocolFlags == [] && info.maximumTunMTU == nil && !info.acceptsPushedCipher)
    }

    @Test func `the first line of a key counts`() {
        #expect(PeerInfo(text: "IV_PLAT=win\nIV_PLAT=linux").platform == "win")
    }

    @Test func `peer info survives being written out`() throws {
        let most = PeerInfo(
            text: (0..<64).map { "KEY\($0)=" + String(repeating: "v", count: 200) }.joined(separator: "\n"))
        for info in [PeerInfo(), PeerInfo(["IV_VER": "2.5"]), most] {
            var writer = StateWriter(version: 1)
            writer.write(info)
            var reader = try StateReader(writer.bytes, versions: 1...1)
            let read = try reader.read(PeerInfo.self)
            #expect(read == info)
        }
    }

    @Test func `the client's options are mirrored into what it expects`() throws {
        let mirrored = try occ(self.occ).mirrored()
        #expect(mirrored.text == self.occ.replacing("tls-client", with: "tls-server"))
        #expect(mirrored.mirrored().text == self.occ)
        let tcp = try occ("V4,proto TCPv4_CLIENT,keydir 1,tls-client").mirrored()
        #expect(tcp.text == "V4,proto TCPv4_SERVER,keydir 0,tls-server")
        #expect(try occ("").mirrored().text == "V4")
    }

    @Test func `values of the options are found by whole names`() throws {
        let options = try occ("V4,dev-type tun,cipher AES-256-CBC,comp-lzo,mtu-dynamic,tun-mtu 1500")
        #expect(options.cipher == "AES-256-CBC" && options.deviceType == "tun")
        #expect(options.usesCompressionFraming && options.usesFragments && options["mtu"] == nil)
        #expect(try !occ(self.occ).usesCompressionFraming && occ(self.occ).cipher == nil)
        #expect(OCCOptions(text: String(repeating: "x", count: 512)) == nil)
        #expect(try occ("a\nb,\u{7F}").text == "a_b,_")
    }

    private struct Negotiation: CustomTestStringConvertible {
        let server: [DataCipher]
        let peerInfo: String
        let cipher: String?
        let result: DataCipher?
        var testDescription: String { "\(peerInfo) with \(cipher ?? "no cipher")" }
    }

    @Test func `ciphers are negotiated as OpenVPN does`() throws {
        let chachaFirst: [DataCipher] = [.chaCha20Poly1305, .aes128GCM, .aes256GCM]
        let cases = [
            Negotiation(server: chachaFirst, peerInfo: "IV_YOLO=NO\nIV_NCP=2", cipher: "BF-CBC", result: .aes128GCM),
            Negotiation(
                server: chachaFirst, peerInfo: "IV_NCP=2", cipher: "CHACHA20-POLY1305", result: .chaCha20Poly1305),
            Negotiation(
                server: chachaFirst, peerInfo: "IV_CIPHERS=AES-128-GCM", cipher: "AES-256-CBC", result: .aes128GCM),
            Negotiation(
                server: chachaFirst, peerInfo: "IV_CIPHERS=AES-256-GCM\nIV_NCP=2", cipher: nil, result: .aes256GCM),
            Negotiation(server: [.chaCha20Poly1305, .aes128GCM], peerInfo: "IV_BAR=7", cipher: "BF-CBC", result: nil),
            Negotiation(server: [.aes128GCM], peerInfo: "IV_NCP=1", cipher: "AES-128-GCM", result: .aes128GCM),
            Negotiation(server: [.aes128GCM], peerInfo: "", cipher: "AES-128-GCM", result: .aes128GCM),
            Negotiation(server: [.aes128GCM], peerInfo: "", cipher: "[null-cipher]", result: nil),
            Negotiation(server: [.aes128GCM], peerInfo: "", cipher: nil, result: nil),
            Negotiation(server: [.aes256GCM], peerInfo: "IV_CIPHERS=BF-CBC:FOO-BAR", cipher: nil, result: nil),
            Negotiation(server: [.aes256GCM], peerInfo: "IV_CIPHERS=aes-256-gcm", cipher: nil, result: .aes256GCM),
            Negotiation(server: [], peerInfo: "IV_NCP=2", cipher: nil, result: nil),
        ]
        for test in cases {
            let options = try occ(test.cipher.map { "V4,cipher \($0)" } ?? "V4")
            let result = negotiateCipher(test.server, peerInfo: PeerInfo(text: test.peerInfo), options: options)
            #expect(result == test.result, "\(test.testDescription)")
        }
    }
}
