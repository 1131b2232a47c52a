import VPNFormats

extension ServerSession {
    /// First byte of a written-out session.
    private static let stateVersion: UInt8 = 1

    /// Writes the whole session out: everything but TLS objects. The bytes hold keys: a secret.
    public func encoded() -> [UInt8] {
        var writer = StateWriter(version: Self.stateVersion)
        writer.write(self.handle.rawValue)
        writer.write(self.peerID)
        writer.write(self.path)
        writer.write(self.control)
        writer.write(self.wrapIsPersonal)
        writer.write(self.phase)
        writer.write(array: self.exchanges)
        writer.write(self.exchangeCount)
        writer.write(self.createdAt)
        writer.write(self.data)
        writer.write(self.peerInfo)
        writer.write(optional: self.grant)
        writer.write(optional: self.cipher)
        writer.write(text: self.tlsVersion ?? "")
        writer.write(UInt32(truncatingIfNeeded: self.pendingPush.count))
        for message in self.pendingPush { writer.write(text: message) }
        writer.write(self.isPushRequested)
        writer.write(self.usesExportedKeys)
        writer.write(self.renegotiateNotBefore)
        writer.write(optional: self.delayedRefusal)
        return writer.bytes
    }

    /// Reads a session in again.
    ///
    /// - Throws: ``StateError`` where the bytes are none that ``encoded()`` of this version wrote.
    public init(decoding bytes: [UInt8]) throws(StateError) {
        var reader = try StateReader(bytes, versions: Self.stateVersion...Self.stateVersion)
        let handle = SessionHandle(rawValue: try reader.read(UInt64.self))
        let peerID = try reader.read(PeerID.self)
        let path = try reader.read(NetworkPath.self)
        let control = try reader.read(ControlChannel.self)
        let wrapIsPersonal = try reader.readBool()
        let phase = try reader.read(Phase.self)
        let exchanges = try reader.readArray(of: KeyExchange.self, maximum: 8)
        let exchangeCount = try reader.read(UInt32.self)
        self.init(
            handle: handle, peerID: peerID, path: path, control: control, wrapIsPersonal: wrapIsPersonal,
            now: try reader.read(Instant.self))
        self.phase = phase
        self.exchanges = exchanges
        self.exchangeCount = exchangeCount
        self.data = try reader.read(DataChannel.self)
        self.peerInfo = try reader.read(PeerInfo.self)
        self.grant = try reader.readOptional(Grant.self)
        self.cipher = try reader.readOptional(DataCipher.self)
        let tlsVersion = try reader.readText(maximumBytes: 32)
        self.tlsVersion = tlsVersion.isEmpty ? nil : tlsVersion
        let messages = try reader.read(UInt32.self)
        guard messages <= 256 else { throw .tooLong }
        for _ in 0..<messages { self.pendingPush.append(try reader.readText(maximumBytes: 2_048)) }
        self.isPushRequested = try reader.readBool()
        self.usesExportedKeys = try reader.readBool()
        self.renegotiateNotBefore = try reader.read(Instant.self)
        self.delayedRefusal = try reader.readOptional(DelayedRefusal.self)
        try reader.finish()
        guard self.isConsistent else { throw .invalidValue }
    }

    /// What holds in every session that this release writes out.
    private var isConsistent: Bool {
        let ids = self.exchanges.map(\.id)
        let keyed = self.exchanges.filter(\.isKeyed).map(\.id)
        let streams = self.control.streams.map(\.keyID)
        let roles = [self.control.original.wrap.role, self.control.dynamic?.wrap.role ?? .server]
        return Set(ids).count == ids.count && keyed.count <= 3 && ids.count - keyed.count <= 1
            && (self.isEnded || (streams.count == ids.count && Set(streams) == Set(ids)))
            && self.exchanges.allSatisfy { $0.number <= self.exchangeCount }
            && self.data.keys.allSatisfy { keyed.contains($0.id) }
            && self.peerID != .undefined && (self.data.peerID ?? self.peerID) == self.peerID
            && roles.allSatisfy { $0 == .server } && (!self.isLive || (self.grant != nil && self.cipher != nil))
    }

    /// A session that another process has written out goes on in this one. Its TLS objects stayed behind: packet ids
    /// that the other process may have used are skipped, what was half agreed on is dropped, and a renegotiation
    /// brings a TLS object of our own.
    ///
    /// The other process must be gone: two that send under one key reuse nonces. A record is good for as long as
    /// fewer than 2^20 data packets were sent after it was written.
    mutating func takeOver(context: SessionContext, actions: inout [SessionAction]) {
        for exchange in self.exchanges where !exchange.isKeyed { self.drop(exchange.id, actions: &actions) }
        for index in self.exchanges.indices { self.exchanges[index].stage = .severed }
        self.control.skipPacketIDs(now: context.now)
        self.data.skipPacketIDs()
        self.data.lastReceived = context.now.instant
        self.data.lastSent = context.now.instant
        self.renegotiateNotBefore = context.now.instant
        actions.append(.dataKeysChanged)
        actions.append(.ping)
        self.renegotiate(context: context, actions: &actions)
    }

    /// The same session under the handle that another process gives it.
    func renamed(_ handle: SessionHandle) -> ServerSession {
        var session = self
        session.handle = handle
        return session
    }
}

extension ServerSession.DelayedRefusal: StateCodable {
    func encode(into writer: inout StateWriter) {
        writer.write(self.at)
        writer.write(text: self.refusal.text)
        switch self.refusal.form {
        case .failed: writer.write(UInt8(0))
        case .sessionExpired: writer.write(UInt8(1))
        case .temporary(let backoffSeconds, let advance):
            writer.write(UInt8(2))
            writer.write(backoffSeconds)
            writer.write(text: advance.rawValue)
        }
    }

    init(from reader: inout StateReader) throws(StateError) {
        self.at = try reader.read(Instant.self)
        let text = try reader.readText(maximumBytes: 4_096)
        switch try reader.read(UInt8.self) {
        case 0: self.refusal = Refusal(.failed, text: text)
        case 1: self.refusal = Refusal(.sessionExpired, text: text)
        case 2:
            let backoffSeconds = try reader.read(UInt32.self)
            let word = try reader.readText(maximumBytes: 16)
            guard let advance = AuthFailure.Temporary.Advance(rawValue: word) else { throw .invalidValue }
            self.refusal = Refusal(.temporary(backoffSeconds: backoffSeconds, advance: advance), text: text)
        default: throw .invalidValue
        }
    }
}

extension ServerSession.Phase: StateCodable {
    func encode(into writer: inout StateWriter) {
        switch self {
        case .connecting: writer.write(UInt8(0))
        case .admitted: writer.write(UInt8(1))
        case .live: writer.write(UInt8(2))
        case .ending(let until):
            writer.write(UInt8(3))
            writer.write(until)
        case .ended: writer.write(UInt8(4))
        }
    }

    init(from reader: inout StateReader) throws(StateError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .connecting
        case 1: self = .admitted
        case 2: self = .live
        case 3: self = .ending(until: try reader.read(Instant.self))
        case 4: self = .ended
        default: throw .invalidValue
        }
    }
}

extension NetworkPath: StateCodable {
    /// Writes the path.
    public func encode(into writer: inout StateWriter) {
        writer.write(bytes: self.remote.ip.bytes)
        writer.write(self.remote.port)
        writer.write(self.remote.scope)
        writer.write(bytes: self.local?.bytes ?? [])
        writer.write(self.interfaceIndex)
        writer.write(self.socket)
    }

    /// Reads what ``encode(into:)`` wrote.
    public init(from reader: inout StateReader) throws(StateError) {
        guard let ip = IPAddress(bytes: try reader.readBytes(maximum: 16)) else { throw .invalidValue }
        let remote = SocketAddress(
            ip: ip, port: try reader.read(UInt16.self), scope: try reader.read(UInt32.self))
        self.init(
            remote: remote, local: try reader.readAddress(), interfaceIndex: try reader.read(UInt32.self),
            socket: try reader.read(UInt16.self))
    }
}

extension StateReader {
    /// An address, or none where there are no bytes.
    fileprivate mutating func readAddress() throws(StateError) -> IPAddress? {
        let bytes = try self.readBytes(maximum: 16)
        guard !bytes.isEmpty else { return nil }
        guard let address = IPAddress(bytes: bytes) else { throw .invalidValue }
        return address
    }
}

extension Grant: StateCodable {
    /// Writes what matters after the configuration was sent: neither the token nor what was pushed.
    public func encode(into writer: inout StateWriter) {
        writer.write(text: self.name)
        writer.write(bytes: self.ipv4.map { IPAddress.v4($0).bytes } ?? [])
        writer.write(bytes: self.ipv6.map { IPAddress.v6($0).bytes } ?? [])
        writer.write(self.keepalive.serverPing.wholeNanoseconds)
        writer.write(self.keepalive.clientPing)
        writer.write(self.keepalive.clientRestart)
        writer.write(self.keepalive.serverTimeout.wholeNanoseconds)
    }

    /// Reads what ``encode(into:)`` wrote.
    public init(from reader: inout StateReader) throws(StateError) {
        let name = try reader.readText(maximumBytes: 1_024)
        var ipv4: IPv4Address?
        var ipv6: IPv6Address?
        if let address = try reader.readAddress() {
            guard case .v4(let value) = address else { throw .invalidValue }
            ipv4 = value
        }
        if let address = try reader.readAddress() {
            guard case .v6(let value) = address else { throw .invalidValue }
            ipv6 = value
        }
        let keepalive = Keepalive(
            serverPing: .nanoseconds(Int64(clamping: try reader.read(UInt64.self))),
            clientPing: try reader.read(UInt32.self), clientRestart: try reader.read(UInt32.self),
            serverTimeout: .nanoseconds(Int64(clamping: try reader.read(UInt64.self))))
        self.init(name: name, ipv4: ipv4, ipv6: ipv6, keepalive: keepalive)
    }
}
