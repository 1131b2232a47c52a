internal import Crypto
internal import VPNFormats

/// The rows of a table by number and checksum: SHA-256 over the rows in the order of their keys. Two tables with the
/// same sum hold the same.
public struct ContentSum: Hashable, Sendable, CustomStringConvertible {
    /// How many rows.
    public var rows: Int
    /// SHA-256 over their encoded forms, 32 bytes.
    public var digest: [UInt8]

    /// The number and the first digits of the checksum.
    public var description: String { "\(rows) rows, SHA-256 \(Hex.encode(digest.prefix(8)))…" }
}

/// Adds up a ``ContentSum``.
public struct ContentSummation: Sendable {
    private var rows = 0
    private var hash = SHA256()

    /// Nothing yet.
    public init() {}

    /// Adds rows, which come after all that were added before.
    public mutating func add(_ page: [ContentRow]) {
        var bytes: [UInt8] = []
        for row in page { row.encode(into: &bytes) }
        hash.update(data: bytes)
        rows += page.count
    }

    /// The sum of what was added.
    public var sum: ContentSum { ContentSum(rows: rows, digest: Array(hash.finalize())) }
}
