import Crypto
import VPNFormats

/// What a sealed value is for. Each purpose has a key of its own.
public struct SealingPurpose: Hashable, Sendable {
    /// A stable name; part of the derivation of the key and of the authenticated data.
    public let name: String

    /// Names a purpose. Lower-case letters, digits and `-`; once released a name is never changed.
    public init(name: String) { self.name = name }

    /// Private keys of certificate authorities and servers.
    public static let privateKey = SealingPurpose(name: "private-key")
    /// Verifiers of passwords.
    public static let passwordVerifier = SealingPurpose(name: "password-verifier")
    /// Seeds of second factors.
    public static let secondFactor = SealingPurpose(name: "second-factor")
    /// What a node keeps on its own disk.
    public static let localState = SealingPurpose(name: "local-state")
}

/// Where a sealed value lies. A value opens only where it was sealed, so that nobody who can write the database moves
/// one user's verifier to another user.
public struct SealedPlace: Hashable, Sendable, CustomStringConvertible {
    /// What the value is for.
    public var purpose: SealingPurpose
    /// The table of the store.
    public var table: String
    /// The identifier of the row, in the form that the table has it.
    public var row: [UInt8]
    /// The column of the table.
    public var column: String

    /// Names a place.
    public init(purpose: SealingPurpose, table: String, row: [UInt8], column: String) {
        self.purpose = purpose
        self.table = table
        self.row = row
        self.column = column
    }

    /// Table and column, without the row.
    public var description: String { "\(table).\(column) (\(purpose.name))" }
}

/// Seals secrets before they reach the store and opens them again.
///
/// AES-256-GCM under a key that HKDF derives from the cluster key for each purpose. A sealed value is
/// `format (1 byte = 1) ‖ cluster key id (8) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`; the associated data are format, key
/// id, cluster id, purpose, table, row and column, each with its length. Nonces are random: one key seals at most 2³²
/// values of one purpose, far beyond what a cluster writes.
public struct Sealer: Sendable {
    /// The first byte of every sealed value.
    static let format: UInt8 = 1
    /// How many bytes sealing adds.
    public static let overheadBytes = 1 + ClusterKeyID.byteCount + 12 + 16
    /// The longest plaintext in bytes.
    public static let plaintextByteLimit = 65_536

    private let key: ClusterKey
    private let clusterID: ClusterID

    /// Seals and opens for one cluster under one cluster key.
    public init(key: ClusterKey, clusterID: ClusterID) {
        self.key = key
        self.clusterID = clusterID
    }

    /// The identifier of the cluster key that new values are sealed under.
    public var keyID: ClusterKeyID { key.id }

    /// Seals a value for a place.
    ///
    /// - Parameters:
    ///   - plaintext: At most 65,536 bytes; may be empty.
    ///   - place: Where the value will lie.
    ///   - random: Where the 12 bytes of nonce come from; cryptographically secure outside tests, never repeated.
    /// - Throws: ``SecretsError`` with code `tooLong` or `cryptography`.
    public func seal(
        _ plaintext: [UInt8], at place: SealedPlace, using random: inout some RandomNumberGenerator
    ) throws(SecretsError) -> [UInt8] {
        guard plaintext.count <= Self.plaintextByteLimit else {
            throw SecretsError(.tooLong, "a value for \(place) is longer than \(Self.plaintextByteLimit) bytes")
        }
        let nonceBytes = [UInt8].random(count: 12, using: &random)
        do {
            let box = try AES.GCM.seal(
                plaintext, using: key.derivedKey(purpose: "seal " + place.purpose.name, clusterID: clusterID),
                nonce: AES.GCM.Nonce(data: nonceBytes), authenticating: associatedData(place))
            return [Self.format] + key.id.bytes + nonceBytes + Array(box.ciphertext) + Array(box.tag)
        } catch {
            throw SecretsError(.cryptography, "a value for \(place) could not be sealed")
        }
    }

    /// Opens a value that was sealed for this very place.
    ///
    /// - Throws: ``SecretsError``: `malformedValue` when it is no sealed value, `otherKey` when it was sealed under
    ///   another cluster key, `notAuthentic` when it was changed or sealed for another place, purpose or cluster.
    public func open(_ sealed: [UInt8], at place: SealedPlace) throws(SecretsError) -> [UInt8] {
        guard (Self.overheadBytes...Self.overheadBytes + Self.plaintextByteLimit).contains(sealed.count),
            sealed[0] == Self.format
        else {
            throw SecretsError(.malformedValue, "the value in \(place) is not a sealed value of a known format")
        }
        let keyIDEnd = 1 + ClusterKeyID.byteCount
        guard Array(sealed[1..<keyIDEnd]) == key.id.bytes else {
            let found = Hex.encode(sealed[1..<keyIDEnd])
            throw SecretsError(
                .otherKey,
                "the value in \(place) is sealed under cluster key \(found), this node has \(key.id): "
                    + "put the cluster.key that belongs to this database into the data directory")
        }
        do {
            let box = try AES.GCM.SealedBox(combined: sealed[keyIDEnd...])
            let plaintext = try AES.GCM.open(
                box, using: key.derivedKey(purpose: "seal " + place.purpose.name, clusterID: clusterID),
                authenticating: associatedData(place))
            return Array(plaintext)
        } catch {
            throw SecretsError(
                .notAuthentic,
                "the value in \(place) was changed, or moved from another row or cluster: restore it from a backup")
        }
    }

    private func associatedData(_ place: SealedPlace) -> [UInt8] {
        var bytes: [UInt8] = [Self.format]
        let fields = [
            key.id.bytes, clusterID.bytes, Array(place.purpose.name.utf8), Array(place.table.utf8), place.row,
            Array(place.column.utf8),
        ]
        for field in fields {
            bytes.appendBigEndian(UInt32(truncatingIfNeeded: field.count))
            bytes += field
        }
        return bytes
    }
}

extension [UInt8] {
    /// Appends an integer with its most significant byte first.
    mutating func appendBigEndian(_ value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }
}
