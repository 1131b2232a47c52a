/// The secret with which the nodes of a cluster sign the tokens that clients present instead of a password.
///
/// 128 bytes; the HMAC key is the 32 bytes at offset 64 (OpenVPN protocol, `auth_token.c`).
public struct AuthTokenKey: Hashable, Sendable, SecretMaterial {
    /// The size of the material, in bytes.
    public static let byteCount = 128
    /// The label of the PEM form.
    public static let label = "OpenVPN auth-token server key"

    /// The material, 128 bytes.
    public let bytes: [UInt8]

    /// Takes the material as it is.
    ///
    /// - Throws: ``FormatError`` with `length` unless there are 128 bytes.
    public init(bytes: [UInt8]) throws(FormatError) {
        guard bytes.count == Self.byteCount else {
            throw FormatError(.length, "an auth-token key has \(Self.byteCount) bytes, not \(bytes.count)")
        }
        self.bytes = bytes
    }

    /// Reads the PEM form.
    ///
    /// - Throws: ``FormatError`` with `malformed` or `length`.
    public init(pem: String) throws(FormatError) {
        try self.init(bytes: PEMBlock(label: Self.label, in: pem).bytes)
    }

    /// The PEM form.
    public var pem: String { PEMBlock(label: Self.label, bytes: bytes).text }

    /// The HMAC-SHA256 key, 32 bytes.
    public var authentication: [UInt8] { Array(bytes[64..<96]) }
}
