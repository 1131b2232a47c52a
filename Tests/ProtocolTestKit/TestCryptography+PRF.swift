internal import Crypto
public import VPNProtocol

extension TestCryptography: KeyDerivationCryptography {
    /// The pseudo-random function of TLS 1.0 (RFC 2246 §5).
    public func tls1PRF(secret: [UInt8], seed: [UInt8], count: Int) -> [UInt8] {
        let half = (secret.count + 1) / 2
        let md5 = expand(count, seed: seed) { message in
            Array(
                HMAC<Insecure.MD5>.authenticationCode(
                    for: message, using: SymmetricKey(data: secret.prefix(half))))
        }
        let sha1 = expand(count, seed: seed) { message in
            Array(
                HMAC<Insecure.SHA1>.authenticationCode(
                    for: message, using: SymmetricKey(data: secret.suffix(half))))
        }
        return zip(md5, sha1).map { $0 ^ $1 }
    }

    /// P_hash of RFC 2246 §5.
    private func expand(_ count: Int, seed: [UInt8], hmac: ([UInt8]) -> [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        var chain = hmac(seed)
        while output.count < count {
            output += hmac(chain + seed)
            chain = hmac(chain)
        }
        return Array(output.prefix(count))
    }
}
