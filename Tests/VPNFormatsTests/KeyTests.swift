import ProtocolTestKit
import Testing
import VPNFormats

@Suite struct KeyTests {
    private let crypto = TestCryptography()

    private func serverKey() throws -> TLSCryptV2ServerKey { try TLSCryptV2ServerKey(bytes: Vectors.serverKeyBytes) }
    private func clientKey() throws -> StaticKey { try StaticKey(bytes: Vectors.clientKeyBytes) }

    @Test func `the static key of a profile is read with the text around it`() throws {
        let key = try StaticKey(text: Vectors.staticKeyText)
        #expect(Array(key.cipher(0).prefix(4)) == bytes("37268ea8"))
        #expect(Array(key.hmac(0).prefix(4)) == bytes("de63ebc6"))
        #expect(Array(key.cipher(1).prefix(4)) == bytes("a0c1c489"))
        #expect(Array(key.hmac(1).suffix(4)) == bytes("eeb8b9e6"))
        #expect([key.cipher(0), key.hmac(0), key.cipher(1), key.hmac(1)].allSatisfy { $0.count == 64 })
        #expect(try StaticKey(text: key.text) == key)
        #expect(Vectors.staticKeyText.contains(key.text))
    }

    @Test func `static keys of a wrong length or with other characters are refused`() {
        let short = "-----BEGIN OpenVPN Static key V1-----\n00\n-----END OpenVPN Static key V1-----"
        let odd = "-----BEGIN OpenVPN Static key V1-----\nzz\n-----END OpenVPN Static key V1-----"
        #expect(throws: FormatError.self) { try StaticKey(text: short) }
        #expect(throws: FormatError.self) { try StaticKey(text: odd) }
        #expect(throws: FormatError.self) { try StaticKey(bytes: [UInt8](repeating: 0, count: 257)) }
    }

    @Test func `exclusive or of static keys is its own inverse`() throws {
        var random = SeededGenerator()
        let (a, b) = (try StaticKey(bytes: random.bytes(256)), try StaticKey(bytes: random.bytes(256)))
        #expect(a.xor(b).xor(b) == a)
        #expect(a.xor(b) != a)
    }

    @Test func `the published wrapped keys are opened and made again`() throws {
        let cases: [([UInt8], ClientKeyMetadata)] = [
            (Vectors.wrappedKeyWithTimestamp, .timestamp(0)),
            (Vectors.wrappedKeyWithUserMetadata, .user(bytes("0000410820c3"))),
        ]
        for (wrapped, metadata) in cases {
            let opened = try WrappedClientKey.open(wrapped, serverKey: serverKey(), crypto: crypto)
            #expect(opened.key == (try clientKey()))
            #expect(opened.metadata == metadata)
            let sealed = try WrappedClientKey.seal(
                key: clientKey(), metadata: metadata, serverKey: serverKey(), crypto: crypto)
            #expect(sealed == wrapped)
        }
        #expect(Vectors.wrappedKeyWithUserMetadata.count == 297)
    }

    @Test func `keys of tls-crypt-v2 survive their PEM forms`() throws {
        let pair = try TLSCryptV2ClientKey(
            sealing: clientKey(), metadata: .timestamp(1_700_000_000), serverKey: serverKey(), crypto: crypto)
        #expect(pair.wrapped.count == 299)
        #expect(try TLSCryptV2ClientKey(pem: pair.pem) == pair)
        #expect(try TLSCryptV2ServerKey(pem: serverKey().pem) == serverKey())
        #expect(try serverKey().encryption == Array(0..<32))
        #expect(try serverKey().authentication == Array(64..<96))
    }

    @Test func `a change of any bit of a wrapped key is noticed`() throws {
        let wrapped = Vectors.wrappedKeyWithUserMetadata
        for bit in 0..<wrapped.count * 8 {
            var changed = wrapped
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: FormatError.self) {
                try WrappedClientKey.open(changed, serverKey: serverKey(), crypto: crypto)
            }
        }
    }

    @Test func `every truncation and extension of a wrapped key is refused`() throws {
        let wrapped = Vectors.wrappedKeyWithUserMetadata
        for count in 0..<wrapped.count {
            #expect(throws: FormatError.self) {
                try WrappedClientKey.open(wrapped.prefix(count), serverKey: serverKey(), crypto: crypto)
            }
        }
        #expect(throws: FormatError.self) {
            try WrappedClientKey.open([0] + wrapped, serverKey: serverKey(), crypto: crypto)
        }
    }

    @Test(arguments: [(0, false), (289, false), (290, true), (1_024, true), (1_025, false), (65_535, false)])
    func `the stated length is bounded before it is used`(stated: Int, accepted: Bool) {
        let packet = [UInt8](repeating: 0, count: 1_400) + [UInt8(stated >> 8), UInt8(stated & 255)]
        #expect((WrappedClientKey.statedLength(endOf: packet) == stated) == accepted)
        #expect(WrappedClientKey.statedLength(endOf: packet.suffix(max(0, stated - 1))) == nil)
    }

    @Test func `metadata fills a wrapped key up to its maximum and not beyond`() throws {
        let most = [UInt8](repeating: 7, count: ClientKeyMetadata.maximumBytes - 1)
        let wrapped = try WrappedClientKey.seal(
            key: clientKey(), metadata: .user(most), serverKey: serverKey(), crypto: crypto)
        #expect(wrapped.count == 1_024)
        #expect(try WrappedClientKey.open(wrapped, serverKey: serverKey(), crypto: crypto).metadata == .user(most))
        #expect(throws: FormatError.self) {
            try WrappedClientKey.seal(
                key: clientKey(), metadata: .user(most + [7]), serverKey: serverKey(), crypto: crypto)
        }
    }

    @Test func `a wrapped key without metadata has none`() throws {
        let wrapped = try WrappedClientKey.seal(
            key: clientKey(), metadata: nil, serverKey: serverKey(), crypto: crypto)
        #expect(wrapped.count == 290)
        #expect(try WrappedClientKey.open(wrapped, serverKey: serverKey(), crypto: crypto).metadata == nil)
    }

    @Test func `printing a key shows nothing of it`() throws {
        let key = try clientKey()
        var dumped = ""
        dump(key, to: &dumped)
        for text in ["\(key)", String(reflecting: key), dumped, "\(try serverKey())"] {
            #expect(text.contains("redacted"))
            #expect(!text.contains("255") && !text.contains("[0, 1"))
        }
    }
}
