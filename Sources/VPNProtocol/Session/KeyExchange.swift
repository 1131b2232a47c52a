import VPNFormats

/// One key id's way from TLS to data keys, as the server sees it.
struct KeyExchange: Sendable {
    /// TLS bytes that a peer may send before its login is accepted.
    static let unprovenBytesLimit = 128 * 1_024

    enum Stage: Sendable {
        /// The TLS handshake is under way.
        case handshaking
        /// TLS stands; the client's key method message is awaited.
        case established(TLSFacts)
        /// The client's message was read and ours sent; a decision is awaited.
        case authorizing(TLSFacts, KeyRandoms)
        /// Admitted: data keys are installed.
        case keyed
        /// Admitted in another process: the TLS object stayed there, so that packets can only be acknowledged.
        case severed
    }

    let id: KeyID
    /// Counts the session's exchanges, this one included; a key id does not tell them apart.
    let number: UInt32
    let startedAt: Instant
    var stage: Stage = .handshaking
    /// TLS bytes taken in while the stage is before `keyed`.
    var unprovenBytes = 0
    /// The peer has encrypted data with this key.
    var isHeardFrom = false
    /// When a key that was replaced is to be forgotten.
    var retireAt: Instant?
    /// When this key is to be renewed; set once it is keyed.
    var renegotiateAt: Instant?

    init(id: KeyID, number: UInt32, now: Instant) {
        self.id = id
        self.number = number
        self.startedAt = now
    }

    var isKeyed: Bool {
        switch self.stage {
        case .keyed, .severed: true
        case .handshaking, .established, .authorizing: false
        }
    }

    var ticket: LoginTicket { LoginTicket(keyID: self.id, exchange: self.number) }

    /// True where plaintext can be written to the peer: never before our key method message, which has to be first.
    var canSpeak: Bool {
        switch self.stage {
        case .authorizing, .keyed: true
        case .handshaking, .established, .severed: false
        }
    }
}

/// What both sides contribute to keys that are not exported from TLS: kept from the key method message to the
/// decision.
struct KeyRandoms: Sendable {
    let preMaster: [UInt8]
    let client: KeyExchangeRandom
    let server: KeyExchangeRandom

    /// Key material of this exchange: exported from TLS, or by the TLS 1 pseudo-random function.
    func material(
        exported: [UInt8]?, clientSession: SessionID, serverSession: SessionID, crypto: any KeyDerivationCryptography
    ) -> KeyMaterial? {
        if let exported { return KeyMaterial(exported: exported) }
        return KeyMaterial(
            preMaster: self.preMaster, client: self.client, server: self.server, clientSession: clientSession,
            serverSession: serverSession, crypto: crypto)
    }
}

// MARK: - Written out and read in

extension KeyExchange: StateCodable {
    func encode(into writer: inout StateWriter) {
        writer.write(self.id)
        writer.write(self.number)
        writer.write(self.startedAt)
        switch self.stage {
        case .handshaking:
            writer.write(UInt8(0))
        case .established(let facts):
            writer.write(UInt8(1))
            writer.write(facts)
        case .authorizing(let facts, let randoms):
            writer.write(UInt8(2))
            writer.write(facts)
            writer.write(randoms)
        case .keyed:
            writer.write(UInt8(3))
        case .severed:
            writer.write(UInt8(4))
        }
        writer.write(UInt32(truncatingIfNeeded: self.unprovenBytes))
        writer.write(self.isHeardFrom)
        writer.write(optional: self.retireAt)
        writer.write(optional: self.renegotiateAt)
    }

    init(from reader: inout StateReader) throws(StateError) {
        self.id = try reader.read(KeyID.self)
        self.number = try reader.read(UInt32.self)
        self.startedAt = try reader.read(Instant.self)
        switch try reader.read(UInt8.self) {
        case 0: self.stage = .handshaking
        case 1: self.stage = .established(try reader.read(TLSFacts.self))
        case 2: self.stage = .authorizing(try reader.read(TLSFacts.self), try reader.read(KeyRandoms.self))
        case 3: self.stage = .keyed
        case 4: self.stage = .severed
        default: throw .invalidValue
        }
        self.unprovenBytes = Int(try reader.read(UInt32.self))
        self.isHeardFrom = try reader.readBool()
        self.retireAt = try reader.readOptional(Instant.self)
        self.renegotiateAt = try reader.readOptional(Instant.self)
    }
}

extension KeyRandoms: StateCodable {
    func encode(into writer: inout StateWriter) {
        writer.write(bytes: self.preMaster)
        writer.write(self.client)
        writer.write(self.server)
    }

    init(from reader: inout StateReader) throws(StateError) {
        self.preMaster = try reader.readBytes(maximum: ClientKeyMessage.preMasterBytes)
        self.client = try reader.read(KeyExchangeRandom.self)
        self.server = try reader.read(KeyExchangeRandom.self)
    }
}

extension KeyExchangeRandom: StateCodable {
    /// Writes it out: secrets.
    public func encode(into writer: inout StateWriter) {
        writer.write(bytes: self.first)
        writer.write(bytes: self.second)
    }

    /// Reads what ``encode(into:)`` wrote.
    public init(from reader: inout StateReader) throws(StateError) {
        let first = try reader.readBytes(maximum: Self.partBytes)
        guard let random = KeyExchangeRandom(first: first, second: try reader.readBytes(maximum: Self.partBytes)) else {
            throw .invalidValue
        }
        self = random
    }
}

extension TLSFacts: StateCodable {
    /// Writes it out: secrets.
    public func encode(into writer: inout StateWriter) {
        writer.write(bytes: self.dataKeyMaterial)
        writer.write(bytes: self.dynamicWrapMaterial)
        writer.write(bytes: self.peerCertificate)
        writer.write(text: self.version)
    }

    /// Reads what ``encode(into:)`` wrote.
    public init(from reader: inout StateReader) throws(StateError) {
        self.init(
            dataKeyMaterial: try reader.readBytes(maximum: Self.materialBytes),
            dynamicWrapMaterial: try reader.readBytes(maximum: Self.materialBytes),
            peerCertificate: try reader.readBytes(maximum: 65_536),
            version: try reader.readText(maximumBytes: 32))
    }
}
