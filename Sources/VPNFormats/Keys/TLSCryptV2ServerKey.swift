/// The key with which a server wraps and unwraps the keys of its tls-crypt-v2 clients.
///
/// 128 bytes, of which the first 32 encrypt and the 32 at offset 64 authenticate (OpenVPN protocol, `tls_crypt.c`).
public struct TLSCryptV2ServerKey: Hashable, Sendable, SecretMaterial {
    /// The size of the material, in bytes.
    public static let byteCount = 128
    /// The label of the PEM form.
    public static let label = "OpenVPN tls-crypt-v2 server key"

    /// The material, 128 bytes.
    public let bytes: [UInt8]

    /// Takes the material as it is.
    ///
    /// - Throws: ``FormatError`` with `length` unless there are 128 bytes.
    public init(bytes: [UInt8]) throws(FormatError) {
        guard bytes.count == Self.byteCount else {
            throw FormatError(
                .length, "a tls-crypt-v2 server key has \(Self.byteCount) bytes, not \(bytes.count)")
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

    /// The AES-256 key, 32 bytes.
    public var encryption: [UInt8] { Array(bytes[0..<32]) }
    /// The HMAC-SHA256 key, 32 bytes.
    public var authentication: [UInt8] { Array(bytes[64..<96]) }
}
