internal import Crypto
internal import CryptoExtras
internal import Foundation

/// The cluster's key inside of a backup, closed so that only a passphrase or a private key opens it.
///
/// - With a passphrase: scrypt (RFC 7914) with a random salt gives the key of AES-256-GCM.
/// - For a recipient: HPKE (RFC 9180), base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
///
/// Both authenticate the header of the backup too, so that a closed key cannot be put into another backup.
public struct KeyEnvelope: Hashable, Sendable {
    enum Form: Hashable, Sendable {
        case passphrase(ScryptCost, salt: [UInt8], sealed: [UInt8])
        case recipient(publicKey: [UInt8], encapsulated: [UInt8], sealed: [UInt8])
    }

    /// What opens an envelope.
    public enum Opener: Hashable, Sendable {
        /// A passphrase.
        case passphrase
        /// The private key of a recipient.
        case identity
    }

    /// What scrypt costs for a new envelope: 128 MiB and some 400 ms, as it is done once a backup.
    public static let standardCost = ScryptCost(logN: 17) ?? .standard
    /// The longest passphrase, in bytes of UTF-8.
    public static let passphraseByteLimit = 1_024

    let form: Form

    /// What opens it.
    public var opener: Opener {
        switch form {
        case .passphrase: .passphrase
        case .recipient: .identity
        }
    }

    /// Closes a key with a passphrase.
    ///
    /// - Parameters:
    ///   - key: The cluster's key.
    ///   - passphrase: 1 to ``passphraseByteLimit`` bytes; brought to Unicode normal form C.
    ///   - header: The header of the backup that it goes into.
    ///   - cost: What trying one passphrase costs.
    ///   - random: Where salt and nonce come from; cryptographically secure outside tests.
    /// - Throws: ``SecretsError`` with `cryptography` when the passphrase is empty or too long, or memory is short.
    public init(
        _ key: ClusterKey, passphrase: String, header: BackupHeader, cost: ScryptCost = standardCost,
        using random: inout some RandomNumberGenerator
    ) throws(SecretsError) {
        let salt = [UInt8].random(count: 16, using: &random)
        let nonce = [UInt8].random(count: 12, using: &random)
        guard let wrapping = Self.derive(passphrase, salt: salt, cost: cost),
            let nonce = try? AES.GCM.Nonce(data: nonce),
            let box = try? AES.GCM.seal(
                key.secretBytes, using: wrapping, nonce: nonce, authenticating: header.encoded()),
            let combined = box.combined
        else {
            throw SecretsError(.cryptography, "the passphrase is empty or too long, or memory is short")
        }
        form = .passphrase(cost, salt: salt, sealed: Array(combined))
    }

    /// Closes a key for a recipient. Draws randomness from the system, as HPKE of swift-crypto does.
    ///
    /// - Throws: ``SecretsError`` with `cryptography` when the library refuses.
    public init(_ key: ClusterKey, recipient: BackupRecipient, header: BackupHeader) throws(SecretsError) {
        do {
            var sender = try HPKE.Sender(
                recipientKey: recipient.key, ciphersuite: .P256_SHA256_AES_GCM_256, info: Self.info)
            let sealed = try sender.seal(Data(key.secretBytes), authenticating: Data(header.encoded()))
            form = .recipient(
                publicKey: Array(recipient.key.x963Representation), encapsulated: Array(sender.encapsulatedKey),
                sealed: Array(sealed))
        } catch {
            throw SecretsError(.cryptography, "the cluster key could not be sealed to the recipient")
        }
    }

    /// Opens it with a passphrase.
    ///
    /// - Throws: ``BackupError`` with `wrongKey`.
    public func open(passphrase: String, header: BackupHeader) throws(BackupError) -> ClusterKey {
        guard case .passphrase(let cost, let salt, let sealed) = form else {
            throw BackupError(
                .wrongKey, "the key in the backup is sealed to a recipient's public key; give its private key")
        }
        guard let wrapping = Self.derive(passphrase, salt: salt, cost: cost),
            let box = try? AES.GCM.SealedBox(combined: sealed),
            let bytes = try? AES.GCM.open(box, using: wrapping, authenticating: header.encoded()),
            let key = try? ClusterKey(bytes: Array(bytes))
        else {
            throw BackupError(.wrongKey, "the passphrase is not the one that the backup was made with")
        }
        return key
    }

    /// Opens it with the private key of the recipient.
    ///
    /// - Throws: ``BackupError`` with `wrongKey`.
    public func open(identity: BackupIdentity, header: BackupHeader) throws(BackupError) -> ClusterKey {
        guard case .recipient(let publicKey, let encapsulated, let sealed) = form else {
            throw BackupError(.wrongKey, "the key in the backup is under a passphrase; give that")
        }
        guard Array(identity.key.publicKey.x963Representation) == publicKey else {
            throw BackupError(.wrongKey, "the backup was made for another recipient than this private key's")
        }
        guard
            var recipient = try? HPKE.Recipient(
                privateKey: identity.key, ciphersuite: .P256_SHA256_AES_GCM_256, info: Self.info,
                encapsulatedKey: Data(encapsulated)),
            let bytes = try? recipient.open(Data(sealed), authenticating: Data(header.encoded())),
            let key = try? ClusterKey(bytes: Array(bytes))
        else { throw BackupError(.wrongKey, "the key in the backup does not open with this private key") }
        return key
    }

    private static let info = Data("asnode 1 backup key".utf8)

    private static func derive(_ passphrase: String, salt: [UInt8], cost: ScryptCost) -> SymmetricKey? {
        guard passphrase.utf8.count <= passphraseByteLimit else { return nil }
        let bytes = Array(passphrase.precomposedStringWithCanonicalMapping.utf8)
        guard !bytes.isEmpty, bytes.count <= passphraseByteLimit * 3 else { return nil }
        return try? KDF.Scrypt.deriveKey(
            from: bytes, salt: salt, outputByteCount: 32, rounds: 1 << cost.logN, blockSize: cost.blockSize,
            parallelism: cost.parallelism)
    }
}

// MARK: - Bytes

extension KeyEnvelope {
    /// Nonce, the 32 bytes of a cluster key, tag.
    private static let sealedByteCount = 12 + ClusterKey.byteCount + 16

    func encoded() -> [UInt8] {
        let values: [ContentRow.Value] =
            switch form {
            case .passphrase(let cost, let salt, let sealed):
                [
                    .text("scrypt"), .integer(Int64(cost.logN)), .integer(Int64(cost.blockSize)),
                    .integer(Int64(cost.parallelism)), .bytes(salt), .bytes(sealed),
                ]
            case .recipient(let publicKey, let encapsulated, let sealed):
                [.text("hpke-p256"), .bytes(publicKey), .bytes(encapsulated), .bytes(sealed)]
            }
        var bytes: [UInt8] = []
        ContentRow(values).encode(into: &bytes)
        return bytes
    }

    /// - Returns: `nil` for bytes of another form, or that ask for more memory or time than ``ScryptCost`` allows.
    init?(encoded bytes: [UInt8]) {
        var cursor = ByteCursor(bytes)
        switch cursor.value() {
        case .text("scrypt"):
            guard case .integer(let logN)? = cursor.value(), case .integer(let blockSize)? = cursor.value(),
                case .integer(let parallelism)? = cursor.value(), case .bytes(let salt)? = cursor.value(),
                case .bytes(let sealed)? = cursor.value(), let logN = Int(exactly: logN),
                let blockSize = Int(exactly: blockSize), let parallelism = Int(exactly: parallelism),
                let cost = ScryptCost(logN: logN, blockSize: blockSize, parallelism: parallelism), salt.count == 16,
                sealed.count == Self.sealedByteCount
            else { return nil }
            form = .passphrase(cost, salt: salt, sealed: sealed)
        case .text("hpke-p256"):
            guard case .bytes(let publicKey)? = cursor.value(), case .bytes(let encapsulated)? = cursor.value(),
                case .bytes(let sealed)? = cursor.value(), publicKey.count == 65, encapsulated.count == 65,
                sealed.count == ClusterKey.byteCount + 16
            else { return nil }
            form = .recipient(publicKey: publicKey, encapsulated: encapsulated, sealed: sealed)
        default: return nil
        }
        guard cursor.isAtEnd else { return nil }
    }
}
