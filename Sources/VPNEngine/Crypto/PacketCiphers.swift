internal import COpenSSL
public import VPNProtocol

extension DataCipher {
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
            throw CryptographyError(.invalidKey, "\(self.name) takes a key of \(keyBytes) bytes, not \(key.count)")
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

/// Encrypts packets in one direction under one key.
///
/// Owned by one shard and used from its thread alone. The caller sees to it that no nonce is used twice.
@safe
public struct PacketSealer: ~Copyable {
    private let context: OpaquePointer

    /// - Throws: ``CryptographyError`` `.invalidKey` when the length of the key does not fit the cipher, `.library` when
    ///   memory runs out.
    public init(_ cipher: DataCipher, key: [UInt8]) throws(CryptographyError) {
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
        _ packet: UnsafeMutableRawBufferPointer, layout: DataPacketLayout, nonce: UnsafeRawPointer
    ) -> Bool {
        let start = layout.authenticatedOffset
        return unsafe self.seal(packet, authenticated: start..<(start + layout.authenticatedBytes), nonce: nonce)
    }

    /// The same for any header: the tag follows the authenticated bytes at once, the payload the tag.
    package borrowing func seal(
        _ packet: UnsafeMutableRawBufferPointer, authenticated: Range<Int>, nonce: UnsafeRawPointer
    ) -> Bool {
        let payload = authenticated.upperBound + DataPacketLayout.tagBytes
        let length = packet.count - payload
        guard let base = packet.baseAddress, length > 0, length <= Int(CInt.max) else { return false }
        let bytes = unsafe base.assumingMemoryBound(to: UInt8.self)
        return unsafe copenssl_aead_seal(
            context, nonce.assumingMemoryBound(to: UInt8.self), bytes + authenticated.lowerBound,
            CInt(authenticated.count), bytes + payload, CInt(length), bytes + authenticated.upperBound) == 1
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
    public init(_ cipher: DataCipher, key: [UInt8]) throws(CryptographyError) {
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
        _ packet: UnsafeMutableRawBufferPointer, layout: DataPacketLayout, nonce: UnsafeRawPointer
    ) -> Bool {
        let start = layout.authenticatedOffset
        return unsafe self.open(packet, authenticated: start..<(start + layout.authenticatedBytes), nonce: nonce)
    }

    /// The same for any header: the tag follows the authenticated bytes at once, the payload the tag.
    package borrowing func open(
        _ packet: UnsafeMutableRawBufferPointer, authenticated: Range<Int>, nonce: UnsafeRawPointer
    ) -> Bool {
        let payload = authenticated.upperBound + DataPacketLayout.tagBytes
        let length = packet.count - payload
        guard let base = packet.baseAddress, length > 0, length <= Int(CInt.max) else { return false }
        let bytes = unsafe base.assumingMemoryBound(to: UInt8.self)
        return unsafe copenssl_aead_open(
            context, nonce.assumingMemoryBound(to: UInt8.self), bytes + authenticated.lowerBound,
            CInt(authenticated.count), bytes + payload, CInt(length), bytes + authenticated.upperBound) == 1
    }
}
