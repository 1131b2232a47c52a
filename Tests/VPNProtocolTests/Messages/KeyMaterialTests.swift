import Crypto
import ProtocolTestKit
import Testing
import VPNProtocol

@Suite struct KeyMaterialTests {
    private let crypto = TestCryptography()

    private func repeated(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: 32) }

    private func material() throws -> KeyMaterial {
        let client = try #require(KeyExchangeRandom(first: repeated(0x11), second: repeated(0x22)))
        let server = try #require(KeyExchangeRandom(first: repeated(0x33), second: repeated(0x44)))
        let clientSession = try #require(SessionID(rawValue: 0xC1C1_C1C1_C1C1_C1C1))
        let serverSession = try #require(SessionID(rawValue: 0x5151_5151_5151_5151))
        return try #require(
            KeyMaterial(
                preMaster: Array(0..<48), client: client, server: server, clientSession: clientSession,
                serverSession: serverSession, crypto: crypto))
    }

    @Test func `the pseudo-random function gives the published values`() {
        let lorem = """
            Lorem ipsum dolor sit amet, consectetur adipisici elit, sed eiusmod tempor incidunt ut labore et dolore \
            magna aliqua.
            """
        let seed = "Quis aute iure reprehenderit in voluptate velit esse cillum dolore"
        #expect(
            crypto.tls1PRF(secret: Array(lorem.utf8), seed: Array(seed.utf8), count: 32)
                == bytes("d98c8518c85e946927916acfc2d592fbb1567e4b4b1459e6a904ac2ddab72d67"))
        #expect(
            crypto.tls1PRF(
                secret: Array("tls1-prf-test-secret".utf8), seed: Array("tls1-prf-test".utf8), count: 8)
                == bytes("7144fe2540737595"))
    }

    @Test func `the derivation gives the known keys`() throws {
        let material = try material()
        #expect(
            Array(material.bytes.prefix(32))
                == bytes("3d006d3ef2f75704b1d112ee8c177c5afa911a61c3a7ff9b4114c2a956cbd45c"))
        #expect(
            Array(SHA256.hash(data: material.bytes))
                == bytes("abeae96006213eaa8272c5f2db6a655ee6d2aefd92ba1384672c8c7bf1346968"))
    }

    @Test func `each side sends with the half that the other receives with`() throws {
        let material = try material()
        for cipher in DataCipher.allCases {
            let client = try #require(material.dataKeys(cipher: cipher, role: .client))
            let server = try #require(material.dataKeys(cipher: cipher, role: .server))
            #expect(client.sealing == server.opening && client.opening == server.sealing)
            #expect(client.sealing != client.opening)
            #expect(client.sealing.key.count == cipher.keyBytes)
        }
        let server = try #require(material.dataKeys(cipher: .aes256GCM, role: .server))
        #expect(server.opening.key == Array(material.bytes.prefix(32)))
        #expect(server.opening.implicitIV == bytes("06c3ba47442af5d9"))
        #expect(server.sealing.key == bytes("895f3150f6d34ebd2732a22dea51467017b45f142448b39a7dde78e0b3afec45"))
        #expect(server.sealing.implicitIV == bytes("c7d672021a9c92c9"))
    }

    @Test(arguments: [0, 128])
    func `a cipher key of zeros is refused in either direction`(offset: Int) throws {
        var exported = [UInt8](repeating: 7, count: 256)
        exported.replaceSubrange(offset..<offset + 32, with: repeated(0))
        let material = try #require(KeyMaterial(exported: exported))
        #expect(material.dataKeys(cipher: .aes256GCM, role: .server) == nil)
        #expect(material.dataKeys(cipher: .aes128GCM, role: .client) == nil)
        exported[offset + 20] = 1
        let half = try #require(KeyMaterial(exported: exported))
        #expect(half.dataKeys(cipher: .aes128GCM, role: .server) == nil)
        #expect(half.dataKeys(cipher: .aes256GCM, role: .server) != nil)
    }

    @Test func `material of a wrong length is refused`() throws {
        #expect(KeyMaterial(exported: [UInt8](repeating: 1, count: 255)) == nil)
        let random = try #require(KeyExchangeRandom(first: repeated(1), second: repeated(2)))
        let session = try #require(SessionID(rawValue: 1))
        #expect(
            KeyMaterial(
                preMaster: [], client: random, server: random, clientSession: session, serverSession: session,
                crypto: crypto) == nil)
    }

    @Test func `the known data packets open with the derived keys`() throws {
        let keys = try #require(try material().dataKeys(cipher: .aes256GCM, role: .server))
        let packet = bytes(
            "4800000100000001 c205d9d310eb4ae328fcf3f476ac5c83 6d4784a68aa0ed90e50119d9c0cbdf76")
        let header = try #require(packet.withUnsafeBytes { DataPacketHeader($0) })
        let layout = header.layout
        var nonce = [UInt8](repeating: 0, count: 12)
        let maker = try #require(DataNonce(implicitIV: keys.opening.implicitIV))
        nonce.withUnsafeMutableBytes { maker.write(packetID: header.packetID, into: $0) }
        let box = try AES.GCM.SealedBox(
            nonce: AES.GCM.Nonce(data: nonce), ciphertext: packet[layout.payloadOffset...],
            tag: packet[layout.tagOffset..<layout.payloadOffset])
        let plain = try AES.GCM.open(
            box, using: SymmetricKey(data: keys.opening.key),
            authenticating: packet[layout.authenticatedOffset..<layout.authenticatedOffset + layout.authenticatedBytes])
        #expect(Array(plain) == PingMessage.bytes)

        let v1 = bytes("30 00000001 cf814ef5a7981fa89e5bd3fce91fa5fd 6d4784a68aa0ed90e50119d9c0cbdf76")
        let boxV1 = try AES.GCM.SealedBox(
            nonce: AES.GCM.Nonce(data: nonce), ciphertext: v1[DataPacketLayout.v1.payloadOffset...],
            tag: v1[DataPacketLayout.v1.tagOffset..<DataPacketLayout.v1.payloadOffset])
        let plainV1 = try AES.GCM.open(
            boxV1, using: SymmetricKey(data: keys.opening.key),
            authenticating: v1[1..<1 + DataPacketLayout.v1.authenticatedBytes])
        #expect(Array(plainV1) == PingMessage.bytes)
    }

    @Test func `material and keys survive being written out and show nothing when printed`() throws {
        let material = try material()
        let keys = try #require(material.dataKeys(cipher: .aes128GCM, role: .server))
        var writer = StateWriter(version: 1)
        writer.write(material)
        writer.write(keys)
        var reader = try StateReader(writer.bytes, versions: 1...1)
        let readMaterial = try reader.read(KeyMaterial.self)
        let readKeys = try reader.read(DataKeys.self)
        #expect(readMaterial == material && readKeys == keys)
        #expect("\(material) \(keys) \(keys.sealing)" == "KeyMaterial(redacted) DataKeys(redacted) DataKey(redacted)")
    }
}
