public import VPNFormats

/// The primitives of ``FormatCryptography`` and the one that older clients need for their data keys.
public protocol KeyDerivationCryptography: FormatCryptography {
    /// The pseudo-random function of TLS 1.0 and 1.1 (RFC 2246 §5): MD5 and SHA-1 over the halves of the secret.
    ///
    /// - Parameters:
    ///   - secret: The secret.
    ///   - seed: Label and seed together.
    ///   - count: How many bytes are wanted.
    /// - Returns: `count` bytes.
    func tls1PRF(secret: [UInt8], seed: [UInt8], count: Int) -> [UInt8]
}

/// The 256 bytes that the data keys of one key id are cut out of (OpenVPN protocol, `ssl.c`).
///
/// Four slots of 64 bytes as in ``StaticKey``. The client sends with half 0 and the server with half 1, the other way
/// round than in the wrapping of the control channel.
public struct KeyMaterial: Hashable, Sendable, SecretMaterial {
    /// The size, in bytes.
    public static let byteCount = 256
    /// The label under which both ends export the material from TLS, without context.
    public static let exporterLabel = "EXPORTER-OpenVPN-datakeys"
    /// The label under which both ends export the key of dynamic tls-crypt, 256 bytes without context.
    public static let dynamicTLSCryptLabel = "EXPORTER-OpenVPN-dynamic-tls-crypt"

    private let slots: StaticKey

    /// Takes what TLS exported under ``exporterLabel``; `nil` unless it has 256 bytes.
    public init?(exported bytes: [UInt8]) {
        guard let slots = try? StaticKey(bytes: bytes) else { return nil }
        self.slots = slots
    }

    /// Derives the material from what was exchanged, for clients that cannot export from TLS.
    ///
    /// - Returns: `nil` unless the pre-master secret has 48 bytes and the function returns what was asked for.
    public init?(
        preMaster: [UInt8], client: KeyExchangeRandom, server: KeyExchangeRandom, clientSession: SessionID,
        serverSession: SessionID, crypto: some KeyDerivationCryptography
    ) {
        guard preMaster.count == ClientKeyMessage.preMasterBytes else { return nil }
        let master = crypto.tls1PRF(
            secret: preMaster, seed: Array("OpenVPN master secret".utf8) + client.first + server.first, count: 48)
        guard master.count == 48 else { return nil }
        let seed =
            Array("OpenVPN key expansion".utf8) + client.second + server.second + clientSession.bytes
            + serverSession.bytes
        self.init(exported: crypto.tls1PRF(secret: master, seed: seed, count: Self.byteCount))
    }

    /// The material itself.
    public var bytes: [UInt8] { slots.bytes }

    /// Cuts the keys of a cipher out of the material.
    ///
    /// - Returns: `nil` if a key came out as all zeros, which no honest derivation gives.
    public func dataKeys(cipher: DataCipher, role: Role) -> DataKeys? {
        let clientToServer = DataKey(slots, half: 0, cipher: cipher)
        let serverToClient = DataKey(slots, half: 1, cipher: cipher)
        guard clientToServer.isUsable, serverToClient.isUsable else { return nil }
        return DataKeys(
            cipher: cipher,
            sealing: role == .client ? clientToServer : serverToClient,
            opening: role == .client ? serverToClient : clientToServer)
    }
}

/// What one direction of the data channel is sealed with.
public struct DataKey: Hashable, Sendable, SecretMaterial {
    /// The cipher's key, as long as the cipher wants it.
    public let key: [UInt8]
    /// The part of the nonce that is not sent, eight bytes.
    public let implicitIV: [UInt8]

    fileprivate init(_ slots: StaticKey, half: Int, cipher: DataCipher) {
        key = Array(slots.cipher(half).prefix(cipher.keyBytes))
        implicitIV = Array(slots.hmac(half).prefix(8))
    }

    fileprivate init(key: [UInt8], implicitIV: [UInt8]) {
        self.key = key
        self.implicitIV = implicitIV
    }

    fileprivate var isUsable: Bool { key.contains { $0 != 0 } }
}

/// The keys of one key id as one side uses them.
public struct DataKeys: Hashable, Sendable, SecretMaterial {
    /// What they are for.
    public let cipher: DataCipher
    /// For what this side sends.
    public let sealing: DataKey
    /// For what this side receives.
    public let opening: DataKey

    fileprivate init(cipher: DataCipher, sealing: DataKey, opening: DataKey) {
        self.cipher = cipher
        self.sealing = sealing
        self.opening = opening
    }
}

extension KeyMaterial: StateCodable {
    /// Writes the material.
    public func encode(into writer: inout StateWriter) {
        writer.write(bytes: bytes)
    }

    /// Reads the material.
    public init(from reader: inout StateReader) throws(StateError) {
        guard let material = KeyMaterial(exported: try reader.readBytes(maximum: Self.byteCount)) else {
            throw .invalidValue
        }
        self = material
    }
}

extension DataKeys: StateCodable {
    /// Writes cipher and keys.
    public func encode(into writer: inout StateWriter) {
        writer.write(cipher)
        for direction in [sealing, opening] {
            writer.write(bytes: direction.key)
            writer.write(bytes: direction.implicitIV)
        }
    }

    /// Reads cipher and keys; keys of a wrong length or all zeros are refused.
    public init(from reader: inout StateReader) throws(StateError) {
        cipher = try reader.read(DataCipher.self)
        sealing = try Self.readKey(cipher, from: &reader)
        opening = try Self.readKey(cipher, from: &reader)
    }

    private static func readKey(_ cipher: DataCipher, from reader: inout StateReader) throws(StateError) -> DataKey {
        let key = DataKey(key: try reader.readBytes(maximum: 32), implicitIV: try reader.readBytes(maximum: 8))
        guard key.key.count == cipher.keyBytes, key.implicitIV.count == 8, key.isUsable else { throw .invalidValue }
        return key
    }
}
