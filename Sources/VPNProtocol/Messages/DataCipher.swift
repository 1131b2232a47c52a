/// The ciphers of the data channel that are spoken; all authenticate what they encrypt.
public enum DataCipher: String, Hashable, Sendable, CaseIterable {
    /// AES with 256-bit keys in Galois/counter mode.
    case aes256GCM = "AES-256-GCM"
    /// AES with 128-bit keys in Galois/counter mode.
    case aes128GCM = "AES-128-GCM"
    /// ChaCha20 with Poly1305.
    case chaCha20Poly1305 = "CHACHA20-POLY1305"

    /// The name as clients and configuration files write it.
    public var name: String { rawValue }

    /// Finds a cipher by its name; the case of letters does not matter.
    public init?(name: String) {
        guard name.utf8.count <= 32 else { return nil }
        self.init(rawValue: name.uppercased())
    }

    /// The size of a key, in bytes.
    public var keyBytes: Int {
        switch self {
        case .aes256GCM, .chaCha20Poly1305: 32
        case .aes128GCM: 16
        }
    }
}

/// Picks the cipher of a session (OpenVPN protocol, `ssl_ncp.c`).
///
/// - Parameters:
///   - preferred: The server's ciphers, best first.
///   - peerInfo: What the client tells of itself; its `IV_CIPHERS` count, else its `IV_NCP`.
///   - options: What the client is configured for; its `cipher` counts as one that it accepts.
/// - Returns: The first of the server's ciphers that the client accepts, or `nil` if there is none.
public func negotiateCipher(_ preferred: [DataCipher], peerInfo: PeerInfo, options: OCCOptions) -> DataCipher? {
    let accepted = Set(peerInfo.ciphers.compactMap { DataCipher(name: $0) })
    let configured = options.cipher.flatMap { DataCipher(name: $0) }
    return preferred.first { accepted.contains($0) || $0 == configured }
}

extension DataCipher: StateCodable {
    /// Writes a number for the cipher.
    public func encode(into writer: inout StateWriter) {
        switch self {
        case .aes256GCM: writer.write(UInt8(1))
        case .aes128GCM: writer.write(UInt8(2))
        case .chaCha20Poly1305: writer.write(UInt8(3))
        }
    }

    /// Reads the number.
    public init(from reader: inout StateReader) throws(StateError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .aes256GCM
        case 2: self = .aes128GCM
        case 3: self = .chaCha20Poly1305
        default: throw .invalidValue
        }
    }
}
