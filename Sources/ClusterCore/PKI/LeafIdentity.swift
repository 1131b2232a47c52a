import Crypto
import Foundation
import SwiftASN1
package import X509

/// Who a client's certificate says it is: what the login policy reads of a leaf whose chain, signature and purpose
/// OpenSSL has verified.
///
/// Dates, revocation and identity are decided here and in ``CertificateDecision``, never by the library that verified
/// the chain. The bytes come from the network: sizes are bounded before they are read and nothing traps.
public struct LeafIdentity: Hashable, Sendable {
    /// The largest certificate that is read, in bytes.
    public static let derByteLimit = 16_384

    /// The serial number.
    public let serial: CertificateSerial
    /// The common name, for people: at most 64 characters, none of them a control character.
    public let commonName: String
    /// The user's id that the certificate was issued to; nil in a server's certificate.
    public let userID: UserID?
    /// From when it is valid.
    public let notBefore: Timestamp
    /// Until when it is valid.
    public let notAfter: Timestamp
    /// SHA-256 of the DER form, 32 bytes.
    public let fingerprint: [UInt8]

    /// Reads the certificate of a client.
    ///
    /// - Parameter der: The leaf in DER, as it came from the network.
    /// - Throws: ``PKIError`` with code `badCertificate` when it is too long, cannot be read, has a serial number or
    ///   subject that this product does not issue, or names more than one user.
    public init(der: [UInt8]) throws(PKIError) {
        try self.init(Self.certificate(der: der), der: der)
    }

    package init(_ certificate: X509.Certificate, der: [UInt8]) throws(PKIError) {
        guard let serial = CertificateSerial(bytes: certificate.serialNumber.bytes) else {
            throw PKIError(.badCertificate, "the certificate has no serial number of 1 to 20 bytes")
        }
        guard let notBefore = Timestamp(certificateDate: certificate.notValidBefore),
            let notAfter = Timestamp(certificateDate: certificate.notValidAfter)
        else { throw PKIError(.badCertificate, "the certificate's dates are out of range") }
        self.serial = serial
        self.notBefore = notBefore
        self.notAfter = notAfter
        commonName = try Self.commonName(of: certificate.subject)
        userID = try Self.userID(of: certificate)
        fingerprint = Self.fingerprint(der: der)
    }

    /// SHA-256 of a certificate in DER.
    static func fingerprint(der: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: der)) }

    /// Reads any certificate within the bounds.
    static func certificate(der: [UInt8]) throws(PKIError) -> X509.Certificate {
        guard der.count <= derByteLimit else {
            throw PKIError(.badCertificate, "the certificate is longer than \(derByteLimit) bytes")
        }
        do {
            return try X509.Certificate(derEncoded: der)
        } catch {
            throw PKIError(.badCertificate, "the certificate cannot be read")
        }
    }

    private static func commonName(of subject: DistinguishedName) throws(PKIError) -> String {
        let names = subject.prefix(16).flatMap { $0 }
            .filter { $0.type == ASN1ObjectIdentifier.RDNAttributeType.commonName }
        guard let attribute = names.first, names.count == 1, let name = String(attribute.value) else {
            throw PKIError(.badCertificate, "the certificate does not have one common name")
        }
        let scalars = name.unicodeScalars
        guard (1...CertificateNames.commonNameLimit).contains(scalars.count),
            scalars.allSatisfy({ $0.properties.generalCategory != .control })
        else {
            throw PKIError(.badCertificate, "the certificate's common name is too long or holds control characters")
        }
        return name
    }

    private static func userID(of certificate: X509.Certificate) throws(PKIError) -> UserID? {
        let names: SubjectAlternativeNames?
        do {
            names = try certificate.extensions.subjectAlternativeNames
        } catch {
            throw PKIError(.badCertificate, "the certificate's alternative names cannot be read")
        }
        let users = (names ?? SubjectAlternativeNames()).compactMap { name -> UserID? in
            guard case .uniformResourceIdentifier(let uri) = name else { return nil }
            return CertificateNames.userID(uri: uri)
        }
        guard users.count <= 1 else { throw PKIError(.badCertificate, "the certificate names several users") }
        return users.first
    }
}

extension IssuedCertificate {
    package init(_ certificate: X509.Certificate, der: [UInt8]) throws(PKIError) {
        let identity = try LeafIdentity(certificate, der: der)
        self.init(
            serial: identity.serial, commonName: identity.commonName, notBefore: identity.notBefore,
            notAfter: identity.notAfter, der: der)
    }
}
