import VPNFormats

/// Which profile a tls-crypt-v2 client key belongs to: what the cluster writes into the wrapped key, for the log of
/// handshakes that get no further. It decides nothing: the certificate does.
///
/// Metadata of type USER (OpenVPN protocol, `tls_crypt.c`) with the content
/// `version (1 byte = 1) ‖ user id (16) ‖ serial number (1…20)`.
public struct ProfileKeyMetadata: Hashable, Sendable {
    private static let version: UInt8 = 1

    /// The user that the profile was issued to.
    public let user: UserID
    /// The serial number of the profile's certificate.
    public let serial: CertificateSerial

    /// Names a profile.
    public init(user: UserID, serial: CertificateSerial) {
        self.user = user
        self.serial = serial
    }

    /// Reads the content of metadata of type USER; nil when it is of another form.
    public init?(content: [UInt8]) {
        guard content.count <= 37, content.first == Self.version,
            let user = UserID(bytes: content.dropFirst().prefix(16)),
            let serial = CertificateSerial(bytes: content.dropFirst(17)), content.count == 17 + serial.bytes.count
        else { return nil }
        self.init(user: user, serial: serial)
    }

    /// The content of metadata of type USER.
    public var content: [UInt8] { [Self.version] + user.bytes + serial.bytes }
}
