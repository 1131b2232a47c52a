import Crypto
import Foundation
import SwiftASN1
import VPNEngine
import X509

/// A certificate authority that lives for one test.
struct TestAuthority {
    let key = P256.Signing.PrivateKey()
    let name: DistinguishedName
    let certificate: Certificate

    /// What a leaf may be used for.
    enum Usage {
        case server, client
    }

    /// A leaf with its key, ready for a context.
    struct Leaf {
        let certificate: [UInt8]
        let privateKeyPEM: [UInt8]
    }

    init(_ commonName: String = "Test CA") throws {
        name = try DistinguishedName { CommonName(commonName) }
        let now = Date()
        certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(key.publicKey),
            notValidBefore: now - 86_400, notValidAfter: now + 86_400, issuer: name, subject: name,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
            },
            issuerPrivateKey: .init(key))
    }

    /// The authority's certificate in DER.
    var der: [UInt8] { get throws { try Self.der(certificate) } }

    /// The authority's certificate in PEM.
    var pem: [UInt8] { get throws { Array(try certificate.serializeAsPEM().pemString.utf8) } }

    /// Issues a leaf that is valid from `start` to `end`, both in seconds from now.
    func issue(
        _ commonName: String, _ usage: Usage, from start: Double = -3_600, to end: Double = 3_600
    ) throws -> Leaf {
        let leafKey = P256.Signing.PrivateKey()
        let now = Date()
        let leaf = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(leafKey.publicKey),
            notValidBefore: now + start, notValidAfter: now + end, issuer: name,
            subject: try DistinguishedName { CommonName(commonName) }, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([usage == .server ? .serverAuth : .clientAuth])
            },
            issuerPrivateKey: .init(key))
        return Leaf(certificate: try Self.der(leaf), privateKeyPEM: Array(leafKey.pemRepresentation.utf8))
    }

    /// Credentials that present `leaf` and trust this authority, or `trusting`.
    func credentials(_ leaf: Leaf?, trusting: TestAuthority? = nil) throws -> TLSCredentials {
        TLSCredentials(
            authorities: [try (trusting ?? self).der], chain: leaf.map { [$0.certificate] } ?? [],
            privateKey: leaf?.privateKeyPEM ?? [])
    }

    private static func der(_ certificate: Certificate) throws -> [UInt8] {
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return serializer.serializedBytes
    }
}
