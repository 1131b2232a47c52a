package import Crypto
import Foundation
import SwiftASN1
package import X509

/// A P-256 private key of an authority, a server or a client.
///
/// Its bytes show in no description or mirror. Keys are drawn by swift-crypto from the system's generator: this is one
/// of the two places in `ClusterCore` that draw randomness themselves (signatures are the other).
public struct SigningKey: Sendable, CustomStringConvertible, CustomReflectable {
    package let key: P256.Signing.PrivateKey

    /// Makes a new key from the system's random generator.
    public static func generate() -> SigningKey { SigningKey(key: P256.Signing.PrivateKey()) }

    /// Reads the 32 bytes of a private scalar, the form that is sealed into the store.
    ///
    /// - Throws: ``PKIError`` with code `badKey`.
    public init(rawBytes: [UInt8]) throws(PKIError) {
        do {
            key = try P256.Signing.PrivateKey(rawRepresentation: rawBytes)
        } catch {
            throw PKIError(.badKey, "this is not a P-256 private key")
        }
    }

    private init(key: P256.Signing.PrivateKey) { self.key = key }

    /// The 32 bytes of the private scalar. Seal them before they go anywhere.
    public var rawBytes: [UInt8] { Array(key.rawRepresentation) }

    /// PKCS #8 in PEM, as profiles and OpenSSL take it.
    public var pem: String { key.pemRepresentation + "\n" }

    package var certificateKey: X509.Certificate.PrivateKey { X509.Certificate.PrivateKey(key) }

    /// The name of the type; never the key.
    public var description: String { "SigningKey(P-256, redacted)" }
    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// A certificate that was issued, with what the store's row says about it.
public struct IssuedCertificate: Sendable, Equatable {
    /// The serial number: random, positive, 16 bytes.
    public let serial: CertificateSerial
    /// The common name of the subject.
    public let commonName: String
    /// From when it is valid.
    public let notBefore: Timestamp
    /// Until when it is valid.
    public let notAfter: Timestamp
    /// The certificate in DER (RFC 5280).
    public let der: [UInt8]

    /// The certificate in PEM (RFC 7468).
    public var pem: String { PEMDocument(type: "CERTIFICATE", derBytes: der).pemString + "\n" }

    /// The row that the store keeps of it.
    ///
    /// - Parameters:
    ///   - kind: What it was issued as.
    ///   - user: Whose it is; for clients alone.
    ///   - profile: What the profile asks of its user; for clients alone.
    ///   - privateKey: The sealed key, where the cluster keeps it: of authority and server.
    ///   - issuedAt: When it was issued.
    public func record(
        as kind: CertificateRecord.Kind, user: UserID? = nil, profile: ProfileKind? = nil,
        privateKey: SealedValue? = nil, issuedAt: Timestamp
    ) -> CertificateRecord {
        CertificateRecord(
            serial: serial, kind: kind, commonName: commonName, user: user, profile: profile, notBefore: notBefore,
            notAfter: notAfter, der: der, privateKey: privateKey, issuedAt: issuedAt)
    }
}

extension Timestamp {
    /// The moment in whole seconds, the resolution of certificates.
    var certificateDate: Date { Date(timeIntervalSince1970: Double(seconds)) }

    /// The moment of a certificate's date; nil beyond what the dates of certificates can be.
    init?(certificateDate date: Date) {
        let seconds = date.timeIntervalSince1970.rounded(.down)
        guard abs(seconds) < 1e12 else { return nil }
        self.init(seconds: Int64(seconds))
    }
}
