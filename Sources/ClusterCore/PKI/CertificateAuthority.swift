import Crypto
import Foundation
import SwiftASN1
import VPNFormats
import X509

/// How long certificates are valid. Clocks of clients that run late are allowed for at the front.
public struct CertificateValidity: Hashable, Sendable {
    /// From the moment of issue on, in seconds.
    public let seconds: Int64
    /// How much earlier than the moment of issue a certificate begins to be valid, in seconds.
    public static let backdatingSeconds: Int64 = 24 * 3_600
    /// Ten years of 365.25 days.
    public static let tenYears = CertificateValidity(uncheckedDays: 3_652)

    /// Takes over a number of days, 1…7,305 (twenty years); nil outside.
    public init?(days: Int) {
        guard (1...7_305).contains(days) else { return nil }
        self.init(uncheckedDays: days)
    }

    /// Takes over a duration of a setting, brought into the same bounds; at least a minute.
    public init(_ duration: Duration) {
        seconds = min(max(60, duration.wholeMicroseconds / 1_000_000), 7_305 * 86_400)
    }

    private init(uncheckedDays days: Int) { seconds = Int64(days) * 86_400 }
}

/// The certificate authority of a cluster: a P-256 key and a self-signed certificate, made once at `init`.
///
/// It signs servers' and clients' certificates. All random parts (serial numbers) come from the generator that the
/// caller gives; the system's generator is used by swift-crypto for the nonce of each ECDSA signature.
public struct CertificateAuthority: Sendable {
    /// The authority's certificate.
    public let certificate: IssuedCertificate
    /// The authority's key.
    public let key: SigningKey
    private let parsed: X509.Certificate

    /// Makes a new authority, valid for ten years.
    ///
    /// - Parameters:
    ///   - clusterID: Named in the subject, so that authorities of two clusters are told apart.
    ///   - now: The moment of issue.
    ///   - random: Where the serial number comes from; cryptographically secure outside tests.
    /// - Throws: ``PKIError`` with code `cryptography` or `badValidity`.
    public static func make(
        clusterID: ClusterID, now: Timestamp, validity: CertificateValidity = .tenYears,
        using random: inout some RandomNumberGenerator
    ) throws(PKIError) -> CertificateAuthority {
        let key = SigningKey.generate()
        let name = "asnode CA " + Hex.encode(clusterID.bytes.prefix(6))
        let template = LeafTemplate(
            commonName: name, validity: validity, now: now, limit: nil, serial: CertificateSerial(using: &random))
        do {
            let subject = try DistinguishedName { CommonName(name) }
            let extensions = try X509.Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: key.certificateKey.publicKey)
            }
            let certificate = try template.sign(
                subject: subject, key: key, extensions: extensions, issuer: subject, issuerKey: key)
            return try CertificateAuthority(der: certificate.der, key: key)
        } catch let error as PKIError {
            throw error
        } catch {
            throw PKIError(.cryptography, "the authority's certificate could not be made")
        }
    }

    /// Takes over an authority from the store.
    ///
    /// - Parameters:
    ///   - der: The authority's certificate, at most 16,384 bytes.
    ///   - key: Its key, unsealed.
    /// - Throws: ``PKIError``: `badCertificate` when it cannot be read or is no authority, `badKey` when the key is not
    ///   that of the certificate.
    public init(der: [UInt8], key: SigningKey) throws(PKIError) {
        parsed = try LeafIdentity.certificate(der: der)
        guard case .isCertificateAuthority = (try? parsed.extensions.basicConstraints) ?? .notCertificateAuthority
        else {
            throw PKIError(.badCertificate, "the certificate is not that of an authority")
        }
        guard parsed.publicKey == key.certificateKey.publicKey else {
            throw PKIError(.badKey, "the authority's key does not belong to its certificate")
        }
        self.key = key
        certificate = try IssuedCertificate(parsed, der: der)
    }

    /// Issues a server's certificate: subject `CN=NAME`, alternative names, key usage `digitalSignature`, extended key
    /// usage `serverAuth`. It satisfies `remote-cert-tls server` and `verify-x509-name NAME name` of stock clients.
    ///
    /// - Parameters:
    ///   - name: The common name, the same on every node and for the life of the cluster, as every profile names it;
    ///     see ``stableServerName(clusterID:)``.
    ///   - hostNames: Further alternative names: DNS names and IP addresses in text. Others are refused.
    ///   - key: The server's key.
    ///   - now: The moment of issue; validity ends with that of the authority at the latest.
    /// - Throws: ``PKIError``.
    public func issueServer(
        name: String, hostNames: [String], key: SigningKey, now: Timestamp, validity: CertificateValidity = .tenYears,
        using random: inout some RandomNumberGenerator
    ) throws(PKIError) -> IssuedCertificate {
        let name = try CertificateNames.checkServerName(name)
        var names: [GeneralName] = [.dnsName(name)]
        for host in hostNames where host != name { names.append(try Self.alternativeName(host)) }
        return try issueLeaf(
            commonName: name, names: names, usage: .serverAuth, key: key, now: now, validity: validity, using: &random)
    }

    /// Issues a client's certificate: subject `CN=USER NAME`, the user's id as a `urn:uuid:` alternative name, key
    /// usage `digitalSignature`, extended key usage `clientAuth`.
    ///
    /// - Parameters:
    ///   - userName: For people; characters that stock clients would replace are replaced, 64 at most.
    ///   - userID: Who this is. A new user of an old name has another id, so that old certificates are not theirs.
    ///   - key: The client's key.
    ///   - now: The moment of issue; validity ends with that of the authority at the latest.
    /// - Throws: ``PKIError``.
    public func issueClient(
        userName: String, userID: UserID, key: SigningKey, now: Timestamp, validity: CertificateValidity = .tenYears,
        using random: inout some RandomNumberGenerator
    ) throws(PKIError) -> IssuedCertificate {
        try issueLeaf(
            commonName: CertificateNames.clientCommonName(userName: userName),
            names: [.uniformResourceIdentifier(CertificateNames.uri(of: userID))], usage: .clientAuth, key: key,
            now: now, validity: validity, using: &random)
    }

    /// A name for servers' certificates that depends on the cluster alone, so that profiles outlive changes of the
    /// host name: `asnode-` and 16 hexadecimal digits.
    public static func stableServerName(clusterID: ClusterID) -> String {
        "asnode-" + Hex.encode(clusterID.bytes.prefix(8))
    }
}

extension CertificateAuthority {
    private func issueLeaf(
        commonName: String, names: [GeneralName], usage: ExtendedKeyUsage.Usage, key: SigningKey, now: Timestamp,
        validity: CertificateValidity, using random: inout some RandomNumberGenerator
    ) throws(PKIError) -> IssuedCertificate {
        let template = LeafTemplate(
            commonName: commonName, validity: validity, now: now, limit: certificate.notAfter,
            serial: CertificateSerial(using: &random))
        do {
            let authorityKeyID = try parsed.extensions.subjectKeyIdentifier
            let extensions = try X509.Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([usage])
                SubjectKeyIdentifier(hash: key.certificateKey.publicKey)
                AuthorityKeyIdentifier(keyIdentifier: authorityKeyID?.keyIdentifier)
                SubjectAlternativeNames(names)
            }
            return try template.sign(
                subject: DistinguishedName { CommonName(commonName) }, key: key, extensions: extensions,
                issuer: parsed.subject, issuerKey: self.key)
        } catch let error as PKIError {
            throw error
        } catch {
            throw PKIError(.cryptography, "the certificate could not be made")
        }
    }

    private static func alternativeName(_ host: String) throws(PKIError) -> GeneralName {
        if let address = IPAddress(host) { return .ipAddress(ASN1OctetString(contentBytes: address.bytes[...])) }
        guard HostName(host) != nil else {
            throw PKIError(.badName, "a server's alternative name is a DNS name or an IP address")
        }
        return .dnsName(host)
    }
}

/// What all certificates have.
private struct LeafTemplate {
    let commonName: String
    let validity: CertificateValidity
    let now: Timestamp
    let limit: Timestamp?
    let serial: CertificateSerial

    func sign(
        subject: DistinguishedName, key: SigningKey, extensions: X509.Certificate.Extensions, issuer: DistinguishedName,
        issuerKey: SigningKey
    ) throws -> IssuedCertificate {
        let (notBefore, notAfter) = try dates()
        let certificate = try X509.Certificate(
            version: .v3, serialNumber: X509.Certificate.SerialNumber(bytes: serial.bytes),
            publicKey: key.certificateKey.publicKey, notValidBefore: notBefore.certificateDate,
            notValidAfter: notAfter.certificateDate, issuer: issuer, subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions, issuerPrivateKey: issuerKey.certificateKey)
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return try IssuedCertificate(certificate, der: serializer.serializedBytes)
    }

    private func dates() throws(PKIError) -> (Timestamp, Timestamp) {
        // From 1970 to 9000: what both forms of dates in certificates can tell.
        guard (0..<221_845_392_000).contains(now.microseconds / 1_000_000) else {
            throw PKIError(.badValidity, "the clock is out of the range of certificates: set it")
        }
        let nowSeconds = now.microseconds / 1_000_000
        let begin = max(0, nowSeconds - CertificateValidity.backdatingSeconds)
        let end = min(nowSeconds + validity.seconds, limit.map { $0.microseconds / 1_000_000 } ?? .max)
        guard end > nowSeconds else {
            throw PKIError(.badValidity, "the certificate authority has expired: make a new one")
        }
        return (Timestamp(microseconds: begin * 1_000_000), Timestamp(microseconds: end * 1_000_000))
    }
}
