internal import Crypto

/// Writes the bytes of a backup, one record at a time; see ``BackupFormat``. What it gives is to be written to the file
/// in the same order.
public struct BackupEncoder: Sendable {
    private var whole = SHA256()
    private var rowCount = 0

    /// Nothing written yet.
    public init() {}

    /// The beginning of the file.
    public mutating func header(_ header: BackupHeader) -> [UInt8] {
        var bytes = BackupFormat.magic
        bytes.appendBigEndian(BackupFormat.version)
        whole.update(data: bytes)
        return bytes + record(.header, header.encoded())
    }

    /// The cluster's key, closed; at most once, after the header.
    public mutating func key(_ envelope: KeyEnvelope) -> [UInt8] { record(.key, envelope.encoded()) }

    /// The beginning of a table.
    public mutating func table(_ table: ContentTable) -> [UInt8] {
        let words = [table.name] + table.columns.map(\.name)
        var payload: [UInt8] = []
        ContentRow(words.map { .text($0) }).encode(into: &payload)
        return record(.table, payload)
    }

    /// Rows of the table that was begun last, at most ``ContentPage/mostRows``.
    public mutating func rows(_ rows: [ContentRow]) -> [UInt8] {
        var payload: [UInt8] = []
        payload.appendBigEndian(UInt32(truncatingIfNeeded: rows.count))
        for row in rows { row.encode(into: &payload) }
        rowCount += rows.count
        return record(.rows, payload)
    }

    /// The end of the file.
    public mutating func end() -> [UInt8] {
        var payload: [UInt8] = []
        payload.appendBigEndian(UInt64(rowCount))
        payload += Array(whole.finalize())
        return record(.end, payload)
    }

    private mutating func record(_ kind: BackupFormat.Kind, _ payload: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = [kind.rawValue]
        bytes.reserveCapacity(payload.count + BackupFormat.framing)
        bytes.appendBigEndian(UInt32(truncatingIfNeeded: payload.count))
        bytes += payload
        bytes += Array(SHA256.hash(data: bytes))
        whole.update(data: bytes)
        return bytes
    }
}
