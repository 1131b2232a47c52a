import ProtocolTestKit
import Testing
import VPNProtocol

@Suite struct KeyMessageTests {
    private let occ =
        "V4,dev-type tun,link-mtu 1541,tun-mtu 1500,proto UDPv4,auth SHA1,keysize 128,key-method 2,tls-client"

    private func options(_ text: String) throws -> OCCOptions { try #require(OCCOptions(text: text)) }

    private func message(username: String = "ann", password: String = "s3cret") throws -> ClientKeyMessage {
        var random = SeededGenerator(seed: 1)
        return try #require(
            ClientKeyMessage(
                preMaster: random.bytes(48), random: KeyExchangeRandom(using: &random), options: options(occ),
                credentials: Credentials(username: username, password: password),
                peerInfo: PeerInfo(["IV_VER": "2.6.14", "IV_PROTO": "990"])))
    }

    /// A length that counts the NUL, bytes, NUL.
    private func string(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8((bytes.count + 1) >> 8), UInt8((bytes.count + 1) & 255)] + bytes + [0]
    }

    private func raw(_ fields: [[UInt8]]) -> [UInt8] {
        [0, 0, 0, 0, 2] + [UInt8](repeating: 9, count: 112) + string(Array("V4".utf8)) + fields.flatMap { $0 }
    }

    @Test func `a client's message survives a round trip`() throws {
        let message = try message()
        let bytes = message.bytes
        #expect(Array(bytes.prefix(5)) == [0, 0, 0, 0, 2])
        #expect(try ClientKeyMessage(bytes: bytes) == message)
        #expect(message.preMaster == Array(bytes[5..<53]) && message.random.second == Array(bytes[85..<117]))
        #expect("\(message)" == "ClientKeyMessage(redacted)")
    }

    @Test func `a server's message survives a round trip and ends in three empty texts`() throws {
        var random = SeededGenerator(seed: 2)
        let message = ServerKeyMessage(random: KeyExchangeRandom(using: &random), options: try options("V4,tls-server"))
        #expect(try ServerKeyMessage(bytes: message.bytes) == message)
        #expect(Array(message.bytes.suffix(7)) == [0] + [0, 0, 0, 0, 0, 0])
        #expect(try ServerKeyMessage(bytes: message.bytes.dropLast(6)) == message)
    }

    @Test func `peer info, password and name may be missing or have length one`() throws {
        let empty: [UInt8] = [0, 0]
        let one: [UInt8] = [0, 1, 0]
        for fields in [[], [empty], [empty, empty], [one, one, one], [empty, empty, empty]] {
            let message = try ClientKeyMessage(bytes: raw(fields))
            #expect(message.credentials == .success(Credentials(username: "", password: "")))
            #expect(message.peerInfo.entries.isEmpty)
        }
    }

    @Test func `long credentials are accepted up to 4096 bytes, beyond it peer info is still read`() throws {
        let peerInfo = string(Array("IV_VER=2.6.14\n".utf8))
        let most = [UInt8](repeating: 97, count: 4_096)
        let good = try ClientKeyMessage(bytes: raw([string(most), string(most), peerInfo]))
        #expect((try? good.credentials.get())?.password.count == 4_096)
        let bad = try ClientKeyMessage(bytes: raw([string(most), string(most + [97]), peerInfo]))
        #expect(bad.credentials == .failure(.tooLong))
        #expect(bad.peerInfo.version == ClientVersion(2, 6, 14))
    }

    @Test(arguments: [[0xFF, 0xFE], [97, 10], [97, 0x7F], [0xC3]] as [[UInt8]])
    func `credentials that are no text are told from wrong messages`(name: [UInt8]) throws {
        let message = try ClientKeyMessage(bytes: raw([string(name), string([97]), [0, 0]]))
        #expect(message.credentials == .failure(.notText))
    }

    @Test func `every truncation before the credentials is refused, and inside of them`() throws {
        let whole = try message().bytes
        let end = 5 + 112 + 2 + occ.utf8.count + 1
        for count in 0..<whole.count where ![end, end + 6, end + 15].contains(count) {
            #expect(throws: KeyExchangeError.self) { try ClientKeyMessage(bytes: whole.prefix(count)) }
        }
    }

    @Test func `other key methods, long options and huge messages are refused`() throws {
        var wrong = try message().bytes
        wrong[4] = 1
        #expect(throws: KeyExchangeError.unsupportedMethod(1)) { try ClientKeyMessage(bytes: wrong) }
        let start = [0, 0, 0, 0, 2] + [UInt8](repeating: 9, count: 112)
        let long = start + string([UInt8](repeating: 65, count: 512))
        #expect(throws: KeyExchangeError.invalidOptions) { try ClientKeyMessage(bytes: long) }
        #expect(
            try ClientKeyMessage(bytes: start + string([UInt8](repeating: 65, count: 511))).options.parts.count == 1)
        let huge = [UInt8](repeating: 0, count: 1_000_000)
        #expect(throws: KeyExchangeError.tooLong) { try ClientKeyMessage(bytes: huge) }
    }
}
