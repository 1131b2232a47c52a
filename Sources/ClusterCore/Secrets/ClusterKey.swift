import Crypto
import VPNFormats

/// The key of a cluster: 32 random bytes in the file `cluster.key` of every node, from which each key that seals
/// secrets or authenticates rows is derived. It never lies in the shared store.
///
/// The bytes are kept by swift-crypto's `SymmetricKey`, whose storage is overwritten when the last copy of it goes
/// away; copies that a caller made while reading or writing the file (`init(text:)`, `fileText()`) are that caller's.
/// Descriptions and mirrors show the key's identifier alone.
public struct ClusterKey: Sendable {
    /// The length of a cluster key in bytes.
    public static let byteCount = 32
    /// The first word of the line that a key file holds; the number is the version of the file's form.
    static let fileTag = "asnode-cluster-key-1"
    /// The longest key file that `init(text:)` looks at, in bytes of UTF-8.
    static let fileByteLimit = 4_096

    /// Which cluster key this is: derived from the key, so that it also finds a damaged file.
    public let id: ClusterKeyID
    let secret: SymmetricKey

    /// Makes a new key.
    ///
    /// - Parameter random: Where the 32 bytes come from; a cryptographically secure generator outside tests.
    public static func generate(using random: inout some RandomNumberGenerator) -> ClusterKey {
        ClusterKey(secret: SymmetricKey(data: [UInt8].random(count: byteCount, using: &random)))
    }

    /// Takes over the bytes of a key.
    ///
    /// - Parameter bytes: Exactly 32 bytes.
    /// - Throws: ``SecretsError`` with code `malformedKey` for any other length.
    public init(bytes: [UInt8]) throws(SecretsError) {
        guard bytes.count == Self.byteCount else {
            throw SecretsError(
                .malformedKey, "a cluster key has \(Self.byteCount) bytes, these are \(bytes.count)")
        }
        self.init(secret: SymmetricKey(data: bytes))
    }

    private init(secret: SymmetricKey) {
        let derived = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: secret, info: Array("asnode 1 cluster key id".utf8),
            outputByteCount: ClusterKeyID.byteCount)
        self.secret = secret
        self.id = ClusterKeyID(unchecked: derived.withUnsafeBytes { Array($0) })
    }

    /// The 32 bytes, to be sealed into a backup.
    var secretBytes: [UInt8] { secret.withUnsafeBytes { Array($0) } }

    /// Derives the key of one purpose in one cluster (HKDF-SHA256, RFC 5869; salt = cluster id, info = purpose).
    func derivedKey(purpose: String, clusterID: ClusterID) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: secret, salt: clusterID.bytes, info: Array("asnode 1 \(purpose)".utf8),
            outputByteCount: Self.byteCount)
    }
}

// MARK: - The file

extension ClusterKey {
    /// Reads the text of a `cluster.key` file: comment lines that begin with `#`, and one line
    /// `asnode-cluster-key-1 ID KEY`, both in hexadecimal.
    ///
    /// - Throws: ``SecretsError`` with code `malformedKey`, without any of the text in its message, when there is no
    ///   such line, more than one, or when the identifier does not belong to the key.
    public init(text: String) throws(SecretsError) {
        guard text.utf8.count <= Self.fileByteLimit else {
            throw SecretsError(.malformedKey, "the cluster key file is longer than \(Self.fileByteLimit) bytes")
        }
        let lines = text.split(whereSeparator: \.isNewline).filter {
            !$0.hasPrefix("#") && !$0.allSatisfy(\.isWhitespace)
        }
        guard let line = lines.first, lines.count == 1 else {
            throw SecretsError(.malformedKey, "the cluster key file has \(lines.count) lines of content instead of one")
        }
        let words = line.split(whereSeparator: \.isWhitespace)
        guard words.count == 3, words[0] == Self.fileTag else {
            throw SecretsError(.malformedKey, "the cluster key file does not begin with \(Self.fileTag)")
        }
        guard let id = Hex.decode(words[1]), let bytes = Hex.decode(words[2]) else {
            throw SecretsError(.malformedKey, "the cluster key file is not hexadecimal")
        }
        try self.init(bytes: bytes)
        guard self.id.bytes == id else {
            throw SecretsError(.malformedKey, "the cluster key file is damaged: its identifier is not that of its key")
        }
    }

    /// The text of a `cluster.key` file. It holds the key in clear: write it to a file of mode 0600 and nowhere else.
    public func fileText() -> String {
        let key = secret.withUnsafeBytes { Hex.encode(Array($0)) }
        return """
            # The key that unseals the secrets of an asnode cluster. Whoever has it and the database has everything.
            # Every node of the cluster has the same file. Keep a copy in a safe place: without it the database is lost.
            \(Self.fileTag) \(id) \(key)

            """
    }
}

extension ClusterKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The key's identifier; never the key.
    public var description: String { "ClusterKey(\(id))" }
    /// The key's identifier; never the key.
    public var debugDescription: String { description }
    /// Shows the identifier; never the key.
    public var customMirror: Mirror { Mirror(self, children: ["id": id.description]) }
}

/// Which cluster key something was sealed under: 8 bytes that are derived from the key and say nothing about it.
public struct ClusterKeyID: Hashable, Sendable, CustomStringConvertible {
    /// The length of an identifier in bytes.
    public static let byteCount = 8
    /// The 8 bytes.
    public let bytes: [UInt8]

    init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    /// Takes over 8 bytes; nil for any other length.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// 16 hexadecimal digits.
    public var description: String { Hex.encode(bytes) }
}
