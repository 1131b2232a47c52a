internal import COpenSSL

/// An authenticated cipher of the data channel. All of them take a 12-byte nonce and give a 16-byte tag.
public enum PacketAEAD: Sendable, Hashable, CaseIterable {
    /// AES with a key of 128 bits in Galois/counter mode.
    case aes128GCM
    /// AES with a key of 256 bits in Galois/counter mode.
    case aes256GCM
    /// ChaCha20 with Poly1305 (RFC 8439).
    case chaCha20Poly1305

    /// Length of the key in bytes.
    public var keyBytes: Int {
        switch self {
        case .aes128GCM: 16
        case .aes256GCM, .chaCha20Poly1305: 32
        }
    }

    /// Length of the nonce in bytes.
    public static let nonceBytes = 12
    /// Length of the tag in bytes.
    public static let tagBytes = 16

    fileprivate var fetched: OpaquePointer {
        switch self {
        case .aes128GCM: unsafe FetchedAlgorithms.shared.aes128GCM
        case .aes256GCM: unsafe FetchedAlgorithms.shared.aes256GCM
        case .chaCha20Poly1305: unsafe FetchedAlgorithms.shared.chaCha20Poly1305
        }
    }

    /// A context with the key set, so that each packet sets no more than its nonce.
    fileprivate func makeContext(key: [UInt8], encrypting: Bool) throws(CryptographyError) -> OpaquePointer {
        guard key.count == keyBytes else {
            throw CryptographyError(.invalidKey, "\(self) takes a key of \(keyBytes) bytes, not \(key.count)")
        }
        guard let context = unsafe EVP_CIPHER_CTX_new() else { throw .library("no memory for a packet cipher") }
        let cipher = unsafe fetched
        let done = unsafe key.withUnsafeBufferPointer {
            unsafe EVP_CipherInit_ex2(context, cipher, $0.baseAddress, nil, encrypting ? 1 : 0, nil)
        }
        guard done == 1 else {
            unsafe EVP_CIPHER_CTX_free(context)
            throw .library("OpenSSL refused the key of a packet cipher")
        }
        return unsafe context
    }
}

/// Where the parts of an encrypted packet lie: `prefix | associated data | tag | ciphertext`.
///
/// The OpenVPN protocol signs the whole header of a V2 data packet (`aad` 0..<8) and only the packet id of a V1
/// packet (`aad` 1..<5); the tag follows the header at once.
public struct PacketAEADLayout: Sendable, Hashable {
    /// Offset of the first byte that is authenticated.
    public let aadOffset: Int
    /// Number of authenticated bytes. The tag begins behind them.
    public let aadBytes: Int

    /// Makes a layout. Both numbers must not be negative, and no more than 64.
    public init(aadOffset: Int, aadBytes: Int) {
        precondition((0...64).contains(aadOffset) && (0...64).contains(aadBytes), "a header has at most 64 bytes")
        self.aadOffset = aadOffset
        self.aadBytes = aadBytes
    }

    /// `P_DATA_V2`: opcode, peer id and packet id, 8 bytes, all of them authenticated.
    public static let v2 = PacketAEADLayout(aadOffset: 0, aadBytes: 8)
    /// `P_DATA_V1`: opcode, then the packet id, which alone is authenticated.
    public static let v1 = PacketAEADLayout(aadOffset: 1, aadBytes: 4)

    /// Offset of the tag.
    @inlinable public var tagOffset: Int { aadOffset + aadBytes }
    /// Offset of the payload: header and tag together.
    @inlinable public var payloadOffset: Int { aadOffset + aadBytes + PacketAEAD.tagBytes }
}

/// Encrypts packets in one direction under one key.
///
/// Owned by one shard and used from its thread alone. The caller sees to it that no nonce is used twice.
@safe
public struct PacketSealer: ~Copyable {
    private let context: OpaquePointer

    /// - Throws: ``CryptographyError`` `.invalidKey` when the length of the key does not fit the cipher, `.library` when
    ///   memory runs out.
    public init(_ cipher: PacketAEAD, key: [UInt8]) throws(CryptographyError) {
        unsafe context = try cipher.makeContext(key: key, encrypting: true)
    }

    deinit {
        unsafe EVP_CIPHER_CTX_free(context)
    }

    /// Encrypts the payload in place and writes the tag in front of it.
    ///
    /// - Parameters:
    ///   - packet: Header, 16 bytes of room for the tag, payload.
    ///   - layout: Where those lie.
    ///   - nonce: 12 bytes.
    /// - Returns: False, with the packet unfit to be sent, if it is too short to have a payload or the library failed.
    public borrowing func seal(
        _ packet: UnsafeMutableRawBufferPointer, layout: PacketAEADLayout, nonce: UnsafeRawPointer
    ) -> Bool {
        let length = packet.count - layout.payloadOffset
        guard let base = packet.baseAddress, length > 0, length <= Int(CInt.max) else { return false }
        let bytes = unsafe base.assumingMemoryBound(to: UInt8.self)
        return unsafe copenssl_aead_seal(
            context, nonce.assumingMemoryBound(to: UInt8.self), bytes + layout.aadOffset, CInt(layout.aadBytes),
            bytes + layout.payloadOffset, CInt(length), bytes + layout.tagOffset) == 1
    }
}

/// Checks and decrypts packets of one direction under one key.
///
/// Owned by one shard and used from its thread alone.
@safe
public struct PacketOpener: ~Copyable {
    private let context: OpaquePointer

    /// - Throws: ``CryptographyError`` `.invalidKey` when the length of the key does not fit the cipher, `.library` when
    ///   memory runs out.
    public init(_ cipher: PacketAEAD, key: [UInt8]) throws(CryptographyError) {
        unsafe context = try cipher.makeContext(key: key, encrypting: false)
    }

    deinit {
        unsafe EVP_CIPHER_CTX_free(context)
    }

    /// Decrypts the payload in place.
    ///
    /// - Parameters:
    ///   - packet: Header, tag, ciphertext, as they came.
    ///   - layout: Where those lie.
    ///   - nonce: 12 bytes.
    /// - Returns: True if the packet is authentic; its payload then begins at `layout.payloadOffset`. False for packets
    ///   that are forged, damaged or too short: what stands in the buffer then is worthless and must not be used.
    public borrowing func open(
        _ packet: UnsafeMutableRawBufferPointer, layout: PacketAEADLayout, nonce: UnsafeRawPointer
    ) -> Bool {
        let length = packet.count - layout.payloadOffset
        guard let base = packet.baseAddress, length > 0, length <= Int(CInt.max) else { return false }
        let bytes = unsafe base.assumingMemoryBound(to: UInt8.self)
        return unsafe copenssl_aead_open(
            context, nonce.assumingMemoryBound(to: UInt8.self), bytes + layout.aadOffset, CInt(layout.aadBytes),
            bytes + layout.payloadOffset, CInt(length), bytes + layout.tagOffset) == 1
    }
}
