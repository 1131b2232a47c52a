internal import COpenSSL

/// One TLS connection without a socket: ciphertext goes in and out as bytes, messages as whole records.
///
/// The driver feeds what the peer sent, calls ``step()``, then drains what is to be sent, also after a failure, since an
/// alert may wait. The OpenVPN protocol puts one message in one record: ``read()`` gives at most one record, and
/// ``write(_:)`` makes one.
///
/// Not sendable: owned by one shard and used from its thread alone. Memory is bounded by the limits below; once a
/// handshake is done and all is drained, the buffers go back to the allocator.
@safe
public final class TLSObject {
    /// Most ciphertext that waits to be read, in bytes. More makes the object fail.
    public static let maximumPendingInputBytes = 64 * 1024
    /// Most ciphertext that waits to be sent, in bytes. ``write(_:)`` refuses beyond it.
    public static let maximumPendingOutputBytes = 64 * 1024
    /// Most ciphertext that a peer may send before it is verified, in bytes.
    public static let maximumHandshakeBytes = 128 * 1024
    /// Most plaintext of one record that ``read()`` returns, in bytes: what OpenVPN peers send and accept at most.
    public static let maximumMessageBytes = 2_048

    /// Where the connection stands. Changed by every call that feeds, steps, reads, writes or shuts down.
    public private(set) var state: TLSState = .handshaking

    private let context: TLSContext
    private let ssl: OpaquePointer
    private var input: OpaquePointer
    private var output: OpaquePointer
    private var handshakeBytes = 0
    private var buffersGrew = true
    private var opening: TLSOpening?

    /// The server's end of a new connection.
    ///
    /// - Throws: ``CryptographyError`` `.library` when memory runs out.
    public convenience init(server context: TLSServerContext) throws(CryptographyError) {
        try self.init(context: context)
        opening = TLSOpening()
        unsafe SSL_set_accept_state(ssl)
    }

    /// The client's end of a new connection. The first ``step()`` makes its opening message.
    ///
    /// - Throws: ``CryptographyError`` `.library` when memory runs out.
    public convenience init(client context: TLSClientContext) throws(CryptographyError) {
        try self.init(context: context)
        unsafe SSL_set_connect_state(ssl)
    }

    private init(context: TLSContext) throws(CryptographyError) {
        OpenSSLErrors.clear()
        guard
            let ssl = unsafe SSL_new(context.pointer)
        else { throw .library("no memory for a TLS connection") }
        guard let input = unsafe copenssl_bio_memory() else {
            unsafe SSL_free(ssl)
            throw .library("no memory for a TLS connection")
        }
        guard let output = unsafe copenssl_bio_memory() else {
            unsafe BIO_free(input)
            unsafe SSL_free(ssl)
            throw .library("no memory for a TLS connection")
        }
        unsafe SSL_set_bio(ssl, input, output)
        self.context = context
        unsafe self.ssl = ssl
        unsafe self.input = input
        unsafe self.output = output
    }

    deinit {
        unsafe SSL_free(ssl)
    }

    // MARK: Ciphertext

    /// Bytes of ciphertext that wait to be sent.
    public var pendingOutputBytes: Int { unsafe copenssl_bio_pending(output) }

    /// Takes ciphertext of the peer. Ignored once the connection has failed or closed.
    public func feed(_ bytes: [UInt8]) {
        guard !isOver, !bytes.isEmpty else { return }
        let pending = unsafe copenssl_bio_pending(input)
        if state == .handshaking { handshakeBytes += bytes.count }
        guard
            pending <= Self.maximumPendingInputBytes, bytes.count <= Self.maximumPendingInputBytes - pending,
            handshakeBytes <= Self.maximumHandshakeBytes, opening?.accepts(bytes) ?? true
        else { return fail(TLSFailure(.limitExceeded, "the peer sent more than is allowed")) }
        buffersGrew = true
        let written = unsafe bytes.withUnsafeBufferPointer {
            unsafe BIO_write(input, $0.baseAddress, CInt($0.count))
        }
        if Int(written) != bytes.count { fail(TLSFailure(.library, "no memory for the peer's bytes")) }
    }

    /// Goes on with the handshake as far as the bytes at hand allow.
    ///
    /// - Returns: ``state``. After `.established` the call does nothing more.
    @discardableResult
    public func step() -> TLSState {
        guard state == .handshaking else { return state }
        OpenSSLErrors.clear()
        let result = unsafe SSL_do_handshake(ssl)
        if result == 1 {
            state = .established
        } else {
            settle(result)
        }
        return state
    }

    /// Takes ciphertext that is to be sent, oldest first. Works in every state.
    ///
    /// - Parameter max: Most bytes wanted.
    /// - Returns: Up to `max` bytes; empty when nothing waits.
    public func drainCiphertext(max: Int) -> [UInt8] {
        let length = Swift.min(max, pendingOutputBytes)
        guard length > 0 else {
            releaseBuffers()
            return []
        }
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            count = unsafe Int(Swift.max(0, BIO_read(output, buffer.baseAddress, CInt(clamping: length))))
        }
        if pendingOutputBytes == 0 { releaseBuffers() }
        return bytes
    }

    // MARK: Messages

    /// The plaintext of the next record, at most ``maximumMessageBytes``; nil when none is complete.
    ///
    /// A longer record comes in pieces, and ``hasRestOfRecord`` is true between them.
    public func read() -> [UInt8]? {
        guard state == .established else { return nil }
        OpenSSLErrors.clear()
        var length: CInt = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Self.maximumMessageBytes) { buffer, count in
            length = unsafe SSL_read(ssl, buffer.baseAddress, CInt(buffer.count))
            count = Int(Swift.max(0, length))
        }
        guard length > 0 else {
            settle(length)
            return nil
        }
        return bytes
    }

    /// True if the record that ``read()`` gave a part of has more.
    public var hasRestOfRecord: Bool { unsafe SSL_pending(ssl) > 0 }

    /// Sends a message as one record.
    ///
    /// - Parameter message: 1 to 16,384 bytes.
    /// - Returns: False, and nothing written, when the connection is not established, the length is out of range, or more
    ///   than ``maximumPendingOutputBytes`` wait already.
    public func write(_ message: [UInt8]) -> Bool {
        guard
            state == .established, (1...16_384).contains(message.count),
            pendingOutputBytes <= Self.maximumPendingOutputBytes
        else { return false }
        OpenSSLErrors.clear()
        buffersGrew = true
        let written = unsafe message.withUnsafeBufferPointer {
            unsafe SSL_write(ssl, $0.baseAddress, CInt($0.count))
        }
        guard Int(written) == message.count else {
            settle(written)
            return false
        }
        return true
    }

    /// Says goodbye to the peer (close_notify) and closes. The bytes for it are to be drained.
    public func shutdown() {
        guard !isOver else { return }
        OpenSSLErrors.clear()
        buffersGrew = true
        if state == .established { unsafe SSL_shutdown(ssl) }
        OpenSSLErrors.clear()
        state = .closed
    }

    // MARK: Facts

    /// The version in use once the handshake has chosen one that is supported.
    public var version: TLSVersion? { TLSVersion(number: unsafe SSL_version(ssl)) }

    /// The name of the cipher in use, as OpenSSL calls it.
    public var cipherName: String? {
        guard let cipher = unsafe SSL_get_current_cipher(ssl), let name = unsafe SSL_CIPHER_get_name(cipher) else {
            return nil
        }
        return unsafe String(cString: name)
    }

    /// The peer's own certificate in DER, at most 64 KiB; nil before it came.
    public var peerCertificateDER: [UInt8]? {
        guard let pointer = unsafe SSL_get1_peer_certificate(ssl) else { return nil }
        return unsafe OpenSSLCertificate(owning: pointer).der()
    }

    /// Key material that both ends derive alike (RFC 5705, RFC 8446 section 7.5), without a context value.
    ///
    /// - Parameters:
    ///   - label: The label, ASCII.
    ///   - length: Bytes wanted, 1 to 4,096.
    /// - Returns: Nil before the handshake is done, after it failed, or for a length out of range.
    public func exportKeyingMaterial(label: String, length: Int) -> [UInt8]? {
        guard state == .established, (1...4_096).contains(length) else { return nil }
        OpenSSLErrors.clear()
        var exported: CInt = 0
        let material = unsafe [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            exported = unsafe label.withCString { name in
                unsafe SSL_export_keying_material(
                    ssl, buffer.baseAddress, length, name, label.utf8.count, nil, 0, 0)
            }
            count = exported == 1 ? length : 0
        }
        OpenSSLErrors.clear()
        return exported == 1 ? material : nil
    }

    // MARK: Private

    private var isOver: Bool {
        switch state {
        case .handshaking, .established: false
        case .failed, .closed: true
        }
    }

    /// Turns a result that was no success into the state that it means.
    private func settle(_ result: CInt) {
        switch unsafe SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE, SSL_ERROR_NONE:
            buffersGrew = true
        case SSL_ERROR_ZERO_RETURN:
            state = .closed
        default:
            return fail(TLSFailure.current(verifyResult: unsafe SSL_get_verify_result(ssl)))
        }
        OpenSSLErrors.clear()
    }

    private func fail(_ failure: TLSFailure) {
        OpenSSLErrors.clear()
        buffersGrew = true
        state = .failed(failure)
    }

    /// Swaps empty buffers for new ones: a memory BIO never shrinks by itself, and a handshake leaves some 8 KiB in them
    /// that an idle connection would keep for ever.
    private func releaseBuffers() {
        guard
            buffersGrew, state == .established, pendingOutputBytes == 0, unsafe copenssl_bio_pending(input) == 0,
            let freshInput = unsafe copenssl_bio_memory()
        else { return }
        guard let freshOutput = unsafe copenssl_bio_memory() else {
            unsafe BIO_free(freshInput)
            return
        }
        // Each call takes over the new BIO and frees the one before it.
        unsafe SSL_set0_rbio(ssl, freshInput)
        unsafe SSL_set0_wbio(ssl, freshOutput)
        unsafe input = freshInput
        unsafe output = freshOutput
        buffersGrew = false
    }
}
