import VPNFormats

/// The session identifier that a server gives before it keeps any state: the beginning of an HMAC over the time, the
/// client's address and its identifier. A client that sends it back has proven that it receives at that address.
struct HandshakeCookie: Sendable {
    /// Cookies are good for their own time slot and two more.
    static let slotSeconds: UInt64 = 30
    private static let earlierSlots: UInt64 = 2

    private let key: [UInt8]

    /// - Parameter key: At least 32 bytes, the same on every node that may see the answer.
    init(key: [UInt8]) {
        self.key = key
    }

    func issue(
        remote: SocketAddress, client: SessionID, unixSeconds: UInt64, crypto: any FormatCryptography
    ) -> SessionID {
        self.value(remote: remote, client: client, slot: unixSeconds / Self.slotSeconds, crypto: crypto)
    }

    func verify(
        _ cookie: SessionID, remote: SocketAddress, client: SessionID, unixSeconds: UInt64,
        crypto: any FormatCryptography
    ) -> Bool {
        let present = unixSeconds / Self.slotSeconds
        let oldest = present >= Self.earlierSlots ? present - Self.earlierSlots : 0
        return (oldest...present).contains {
            self.value(remote: remote, client: client, slot: $0, crypto: crypto) == cookie
        }
    }

    private func value(
        remote: SocketAddress, client: SessionID, slot: UInt64, crypto: any FormatCryptography
    ) -> SessionID {
        var message = ByteWriter()
        message.write(slot)
        message.write(remote.ip.bytes)
        message.write(remote.port)
        message.write(client)
        let digest = crypto.hmacSHA256(key: self.key, message: message.bytes)
        let value = digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        // Zero is no identifier.
        return SessionID(rawValue: value) ?? client
    }
}
