/// What a profile carries for tls-crypt-v2: the client's key and the same key wrapped for the server.
public struct TLSCryptV2ClientKey: Hashable, Sendable, SecretMaterial {
    /// The label of the PEM form.
    public static let label = "OpenVPN tls-crypt-v2 client key"

    /// The key that wraps this client's control channel.
    public let key: StaticKey
    /// The wrapped key, which only the server can open; see ``WrappedClientKey``.
    public let wrapped: [UInt8]

    /// Puts a key and its wrapped form together.
    ///
    /// - Throws: ``FormatError`` with `length` if the wrapped form cannot be one.
    public init(key: StaticKey, wrapped: [UInt8]) throws(FormatError) {
        guard WrappedClientKey.isPlausible(wrapped) else {
            throw FormatError(.length, "the wrapped key's length does not match the length that it states")
        }
        self.key = key
        self.wrapped = wrapped
    }

    /// Wraps a client's key for a server.
    ///
    /// - Throws: ``FormatError`` with `tooLong` if the metadata does not fit.
    public init(
        sealing key: StaticKey, metadata: ClientKeyMetadata?, serverKey: TLSCryptV2ServerKey,
        crypto: some FormatCryptography
    ) throws(FormatError) {
        self.key = key
        self.wrapped = try WrappedClientKey.seal(key: key, metadata: metadata, serverKey: serverKey, crypto: crypto)
    }

    /// Reads the PEM form.
    ///
    /// - Throws: ``FormatError`` with `malformed` or `length`.
    public init(pem: String) throws(FormatError) {
        let bytes = try PEMBlock(label: Self.label, in: pem).bytes
        guard bytes.count > StaticKey.byteCount else {
            throw FormatError(.length, "the tls-crypt-v2 client key is too short; fetch the profile again")
        }
        try self.init(
            key: StaticKey(bytes: Array(bytes.prefix(StaticKey.byteCount))),
            wrapped: Array(bytes.dropFirst(StaticKey.byteCount)))
    }

    /// The PEM form, as a profile has it between `<tls-crypt-v2>` tags.
    public var pem: String { PEMBlock(label: Self.label, bytes: key.bytes + wrapped).text }
}
