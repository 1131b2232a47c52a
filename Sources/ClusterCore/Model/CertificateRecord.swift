internal import VPNFormats

/// The serial number of an X.509 certificate: a positive integer of at most 20 bytes (RFC 5280 §4.1.2.2).
public struct CertificateSerial: Hashable, Sendable {
    /// Big-endian, 1 to 20 bytes, without leading zeros; with 20 bytes the highest bit is clear.
    public let bytes: [UInt8]

    /// - Parameter bytes: A big-endian magnitude, leading zeros allowed. Zero and what RFC 5280 does not allow give
    ///   `nil`.
    public init?(bytes: some Sequence<UInt8>) {
        let magnitude = Array(bytes.drop { $0 == 0 }.prefix(21))
        guard (1...20).contains(magnitude.count), let first = magnitude.first else { return nil }
        guard magnitude.count < 20 || first < 0x80 else { return nil }
        self.bytes = magnitude
    }

    /// - Parameter text: 2 to 40 hexadecimal digits of either case, with or without colons between bytes.
    public init?(_ text: some StringProtocol) {
        let digits = String(text.filter { $0 != ":" })
        guard (1...40).contains(digits.utf8.count) else { return nil }
        let even = digits.utf8.count.isMultiple(of: 2) ? digits : "0" + digits
        guard let bytes = Hex.decode(even, maximumBytes: 20) else { return nil }
        self.init(bytes: bytes)
    }

    /// A random serial of 127 to 128 bits.
    ///
    /// - Parameter generator: The source of randomness; must be cryptographically strong outside tests.
    public init(using generator: inout some RandomNumberGenerator) {
        var bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
        bytes[0] = bytes[0] & 0x7f | 0x40
        self.bytes = bytes
    }
}

extension CertificateSerial: CustomStringConvertible {
    /// Lower-case hexadecimal digits, two a byte.
    public var description: String { Hex.encode(bytes) }
}

/// A certificate that the cluster issued.
public struct CertificateRecord: Hashable, Sendable {
    /// What a certificate is for.
    public enum Kind: String, Sendable, CaseIterable {
        /// Signs the others.
        case authority
        /// Presented by nodes; all of them share it.
        case server
        /// Presented by a client.
        case client
    }

    /// Unique in the cluster.
    public var serial: CertificateSerial
    /// What it is for.
    public var kind: Kind
    /// The common name, at most 255 bytes.
    public var commonName: String
    /// The user it belongs to; for clients alone. Stays when the user is removed.
    public var user: UserID?
    /// The sort of profile it was issued for; for clients alone.
    public var profile: ProfileKind?
    /// First moment of validity.
    public var notBefore: Timestamp
    /// Last moment of validity.
    public var notAfter: Timestamp
    /// The certificate itself in DER, at most 64 KiB.
    public var der: [UInt8]
    /// The sealed private key, where the cluster keeps it (authority, server).
    public var privateKey: SealedValue?
    /// When it was issued.
    public var issuedAt: Timestamp
    /// Set once it is revoked, never unset.
    public var revocation: Revocation?
    /// As in ``User/version``.
    public var version: Int64

    /// Makes a certificate record of its parts, which are explained at the properties.
    public init(
        serial: CertificateSerial, kind: Kind, commonName: String, user: UserID? = nil, profile: ProfileKind? = nil,
        notBefore: Timestamp, notAfter: Timestamp, der: [UInt8], privateKey: SealedValue? = nil,
        issuedAt: Timestamp, revocation: Revocation? = nil, version: Int64 = 0
    ) {
        self.serial = serial
        self.kind = kind
        self.commonName = commonName
        self.user = user
        self.profile = profile
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.der = der
        self.privateKey = privateKey
        self.issuedAt = issuedAt
        self.revocation = revocation
        self.version = version
    }
}

/// That a certificate is no longer accepted, since when, and why.
public struct Revocation: Hashable, Sendable {
    /// Why, in the words of RFC 5280 §5.3.1.
    public enum Reason: String, Sendable, CaseIterable {
        /// No reason was given.
        case unspecified
        /// The private key may be known to others.
        case keyCompromise
        /// The user or device changed.
        case affiliationChanged
        /// Another certificate took its place.
        case superseded
        /// The user was removed.
        case cessationOfOperation
    }

    /// Since when.
    public var at: Timestamp
    /// Why.
    public var reason: Reason

    /// Makes a revocation of its parts, which are explained at the properties.
    public init(at: Timestamp, reason: Reason) {
        self.at = at
        self.reason = reason
    }
}

/// How the holder of a profile proves who they are.
public enum ProfileKind: String, Sendable, CaseIterable, Codable {
    /// A certificate of one user, and that user's password.
    case userLocked = "user-locked"
    /// A certificate of one user, without a password.
    case autoLogin = "auto-login"
}
