import Crypto
import Testing
import VPNEngine
import VPNFormats
import VPNProtocol

@Suite("OpenSSL primitives")
struct OpenSSLCryptographyTests {
    let crypto = OpenSSLCryptography()

    @Test(
        "HMAC-SHA256 gives the values of RFC 4231",
        arguments: [
            (
                String(repeating: "0b", count: 20), "4869205468657265",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
            ),
            (
                "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
            ),
            (
                String(repeating: "aa", count: 131),
                "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
            ),
            // An empty key and message: RFC 2104 allows both.
            ("", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
        ])
    func hmac(key: String, message: String, expected: String) {
        #expect(hexText(crypto.hmacSHA256(key: hexBytes(key), message: hexBytes(message))) == expected)
    }

    @Test("AES-256-CTR gives the value of NIST SP 800-38A F.5.5 and undoes itself")
    func counterMode() {
        let key = hexBytes("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
        let iv = hexBytes("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
        let plain = hexBytes("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
        let sealed = crypto.aes256CTR(key: key, iv: iv, data: plain)
        #expect(hexText(sealed) == "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5")
        #expect(crypto.aes256CTR(key: key, iv: iv, data: sealed) == plain)
        #expect(crypto.aes256CTR(key: key, iv: iv, data: []) == [])
    }

    @Test("the TLS 1 PRF gives the value of OpenVPN's self test")
    func pseudorandomFunction() {
        let output = crypto.tls1PRF(
            secret: Array("tls1-prf-test-secret".utf8), seed: Array("tls1-prf-test".utf8), count: 8)
        #expect(hexText(output) == "7144fe2540737595")
    }

    @Test("key method 2's chain of two PRF calls gives the known key block")
    func keyMethodTwo() {
        let block = OpenVPNKeyBlock.known
        #expect(
            hexText(block.master) == """
                7c7d0aa80f877d74f501c2ea05659ec1e9c43e7f245177a047cd1915d2d348c7\
                4033f9abecf460388499d42ed73346f5
                """)
        #expect(
            hexText(SHA256.hash(data: block.keys)) == """
                abeae96006213eaa8272c5f2db6a655ee6d2aefd92ba1384672c8c7bf1346968
                """)
    }

    @Test("random bytes come in the length asked for and differ")
    func randomness() {
        let random = SecureRandom()
        #expect(random.bytes(0) == [])
        let draws = (0..<64).map { _ in random.bytes(32) }
        #expect(Set(draws).count == 64)
        var generator = SecureRandom()
        #expect(Set((0..<64).map { _ in generator.next() }).count == 64)
        // Each bit of the numbers is set in some and clear in others: 64 draws miss one with odds of 2^-57.
        let all = (0..<64).map { _ in generator.next() }
        #expect(all.reduce(0, |) == .max)
        #expect(all.reduce(.max, &) == 0)
    }

    @Test("secret bytes hold what they were given")
    func secretBytes() {
        let secret = SecretBytes([1, 2, 3])
        let count = secret.count
        let copy = secret.withUnsafeBytes { Array($0) }
        #expect(count == 3)
        #expect(copy == [1, 2, 3])
        var array: [UInt8] = [9, 9, 9]
        wipe(&array)
        #expect(array == [])
    }
}

/// The key block of a key exchange with simple inputs, as the data channel's vectors use it.
struct OpenVPNKeyBlock {
    let master: [UInt8]
    let keys: [UInt8]

    static let known = OpenVPNKeyBlock()

    private init() {
        let crypto = OpenSSLCryptography()
        func repeated(_ byte: UInt8, _ count: Int) -> [UInt8] { Array(repeating: byte, count: count) }
        master = crypto.tls1PRF(
            secret: Array(0...0x2f),
            seed: Array("OpenVPN master secret".utf8) + repeated(0x11, 32) + repeated(0x33, 32), count: 48)
        keys = crypto.tls1PRF(
            secret: master,
            seed: Array("OpenVPN key expansion".utf8) + repeated(0x22, 32) + repeated(0x44, 32)
                + repeated(0xc1, 8) + repeated(0x51, 8),
            count: 256)
    }

    /// The cipher key of a direction: 0 client to server, 1 back.
    func cipherKey(_ direction: Int, bytes: Int = 32) -> [UInt8] {
        Array(keys[(direction * 128)..<(direction * 128 + bytes)])
    }

    /// The implicit part of the nonce of a direction.
    func implicitIV(_ direction: Int) -> [UInt8] {
        Array(keys[(direction * 128 + 64)..<(direction * 128 + 72)])
    }
}
