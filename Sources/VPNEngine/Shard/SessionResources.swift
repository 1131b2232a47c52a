internal import VPNFormats
internal import VPNProtocol

/// What the driver keeps for one session: everything that is not a plain value.
final class SessionResources {
    let handle: SessionHandle
    /// By key id.
    var tls: [KeyID: TLSObject] = [:]
    /// Cipher contexts by key id, at most three at a time.
    private(set) var contexts: [DataContext] = []
    /// The authorizer has admitted the session, and is told of its end.
    var isAdmitted = false
    var ipv4: IPv4Address?
    var ipv6: IPv6Address?

    init(handle: SessionHandle) {
        self.handle = handle
    }

    func context(_ id: KeyID) -> DataContext? {
        for context in self.contexts where context.keyID == id { return context }
        return nil
    }

    /// Makes contexts for new keys and forgets those whose keys are gone.
    func reconcile(with keys: [InstalledKey]) throws(CryptographyError) {
        var reconciled: [DataContext] = []
        for key in keys {
            if let context = self.contexts.first(where: { $0.keyID == key.id && $0.installedAt == key.installedAt }) {
                reconciled.append(context)
            } else {
                reconciled.append(try DataContext(key))
            }
        }
        self.contexts = reconciled
    }
}

/// The cipher contexts of one data key.
final class DataContext {
    let keyID: KeyID
    let installedAt: Instant
    let sealer: PacketSealer
    let opener: PacketOpener
    let sendNonce: DataNonce
    let receiveNonce: DataNonce

    init(_ key: InstalledKey) throws(CryptographyError) {
        guard let sendNonce = DataNonce(implicitIV: key.keys.sealing.implicitIV),
            let receiveNonce = DataNonce(implicitIV: key.keys.opening.implicitIV)
        else { throw CryptographyError(.invalidKey, "a data key without its implicit IV") }
        self.keyID = key.id
        self.installedAt = key.installedAt
        self.sealer = try PacketSealer(key.keys.cipher, key: key.keys.sealing.key)
        self.opener = try PacketOpener(key.keys.cipher, key: key.keys.opening.key)
        self.sendNonce = sendNonce
        self.receiveNonce = receiveNonce
    }

    /// Encrypts in place.
    ///
    /// - Parameter packet: Room for header and tag, then the payload.
    func seal(
        _ packet: UnsafeMutableRawBufferPointer, layout: DataPacketLayout, peerID: PeerID, packetID: UInt32
    ) -> Bool {
        unsafe layout.writeHeader(into: packet, keyID: self.keyID, peerID: peerID, packetID: packetID)
        return unsafe withUnsafeTemporaryAllocation(byteCount: DataNonce.byteCount, alignment: 8) { nonce in
            unsafe self.sendNonce.write(packetID: packetID, into: nonce)
            guard let start = nonce.baseAddress else { return false }
            return unsafe self.sealer.seal(packet, layout: layout, nonce: start)
        }
    }

    /// Checks and decrypts in place.
    func open(_ packet: UnsafeMutableRawBufferPointer, layout: DataPacketLayout, packetID: UInt32) -> Bool {
        unsafe withUnsafeTemporaryAllocation(byteCount: DataNonce.byteCount, alignment: 8) { nonce in
            unsafe self.receiveNonce.write(packetID: packetID, into: nonce)
            guard let start = nonce.baseAddress else { return false }
            return unsafe self.opener.open(packet, layout: layout, nonce: start)
        }
    }
}
