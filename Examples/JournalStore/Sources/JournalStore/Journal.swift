internal import ClusterCore
internal import Glibc
internal import Synchronization

/// The file: one record for each transaction, each with an authentication code over its number and its bytes, so that
/// a torn, changed, moved or foreign record is told from one that was written.
///
/// A handle reads on from where it was, and so follows what other handles and processes append. Who appends holds a
/// lock on the file. A record that is not there whole was never acknowledged: the next writer cuts it off.
final class Journal: Sendable {
    /// How far the file was read, and what it says until there.
    struct Progress: Sendable {
        var tables = Tables()
        var offset: Int64 = 0
        var records: Int64 = 0
    }

    /// The largest record that is read, in bytes.
    private static let limitBytes: Int64 = 1 << 30

    let path: String
    private let authenticator: any RowAuthenticator
    private let descriptor: CInt
    private let progress: Mutex<Progress>

    init(path: String, authenticator: any RowAuthenticator, from progress: Progress = Progress()) throws {
        self.path = path
        self.authenticator = authenticator
        self.progress = Mutex(progress)
        descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("the journal cannot be opened") }
    }

    /// Another handle on the same file, which has read as far as this one.
    func another() throws -> Journal {
        try Journal(path: path, authenticator: authenticator, from: progress.withLock { $0 })
    }

    deinit { Glibc.close(descriptor) }

    /// What the file says now.
    func tables() throws -> Tables {
        try progress.withLock { progress in
            try follow(&progress)
            return progress.tables
        }
    }

    /// Appends what `body` makes of the tables, while nobody else does.
    ///
    /// - Parameter isGivenUp: Whether the caller still waits; asked until the file is locked.
    func append<T>(unless isGivenUp: () -> Bool, _ body: (Tables) throws -> ([Row], T)) throws -> T {
        try lock(unless: isGivenUp)
        defer { flock(descriptor, LOCK_UN) }
        let (rows, value) = try body(try tables())
        guard !rows.isEmpty else { return value }
        try progress.withLock { progress in
            let record = record(rows, number: progress.records)
            try write(record, at: progress.offset)
            for row in rows { progress.tables.apply(row) }
            progress.offset += Int64(record.count)
            progress.records += 1
        }
        return value
    }

    private func lock(unless isGivenUp: () -> Bool) throws {
        // Two thousand times 5 ms.
        for _ in 0..<2000 {
            if isGivenUp() { throw CancellationError() }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return }
            guard errno == EWOULDBLOCK || errno == EINTR else { throw Self.failure("the journal cannot be locked") }
            usleep(5000)
        }
        throw StorageError(.busy, "another process has been writing to the journal for too long")
    }

    private func record(_ rows: [Row], number: Int64) -> [UInt8] {
        var payload = ByteWriter()
        for row in rows { row.write(to: &payload) }
        var record = ByteWriter()
        record.write(payload.bytes)
        record.write(authenticator.code(for: Self.facts(payload.bytes, number)))
        return record.bytes
    }

    private func write(_ bytes: [UInt8], at offset: Int64) throws {
        guard ftruncate(descriptor, off_t(offset)) == 0 else { throw Self.failure("the journal cannot be written") }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                Glibc.write(descriptor, raw.baseAddress?.advanced(by: written), raw.count - written)
            }
            if count > 0 { written += count } else if errno != EINTR { break }
        }
        if written == bytes.count, fdatasync(descriptor) == 0 { return }
        let error = Self.failure("the journal cannot be written")
        guard ftruncate(descriptor, off_t(offset)) == 0 else {
            throw StorageError(.commitUnknown, "a record may be in the journal or not", advice: "look at the disk")
        }
        throw error
    }

    /// Reads the records that were appended since.
    private func follow(_ progress: inout Progress) throws {
        let end = lseek(descriptor, 0, SEEK_END)
        guard end >= 0 else { throw Self.failure("the journal cannot be read") }
        guard Int64(end) >= progress.offset else {
            throw StorageError(.corrupt, "the journal became shorter", advice: "restore it from a backup")
        }
        guard Int64(end) > progress.offset else { return }
        let bytes = try read(from: progress.offset, count: Int(Int64(end) - progress.offset))
        var position = 0
        while let record = try whole(bytes[position...]) {
            try apply(record, to: &progress)
            position += record.count
            progress.offset += Int64(record.count)
            progress.records += 1
        }
    }

    private func read(from offset: Int64, count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes { raw in
                pread(descriptor, raw.baseAddress?.advanced(by: filled), count - filled, off_t(offset) + off_t(filled))
            }
            guard got > 0 else { break }
            filled += got
        }
        return Array(bytes.prefix(filled))
    }

    /// The record at the beginning of bytes, or `nil` when it is not there whole.
    private func whole(_ bytes: ArraySlice<UInt8>) throws -> ArraySlice<UInt8>? {
        var reader = ByteReader(bytes)
        var length = 0
        for _ in 0..<2 {
            guard let part = try? reader.number() else { return nil }
            guard (0...Self.limitBytes).contains(part) else {
                throw StorageError(.corrupt, "the journal is damaged", advice: "restore it from a backup")
            }
            guard (try? reader.take(Int(part))) != nil else { return nil }
            length += 8 + Int(part)
        }
        return bytes.prefix(length)
    }

    private func apply(_ record: ArraySlice<UInt8>, to progress: inout Progress) throws {
        var reader = ByteReader(record)
        let (payload, code) = (try reader.data(), try reader.data())
        guard authenticator.isValid(code, for: Self.facts(payload, progress.records)) else {
            throw StorageError(
                .tampered, "record \(progress.records) of the journal was not written by this cluster",
                advice: "restore it from a backup")
        }
        var rows = ByteReader(payload[...])
        var tables = progress.tables
        do {
            while !rows.isAtEnd { tables.apply(try Row(from: &rows)) }
        } catch {
            throw StorageError(.malformedRow, "record \(progress.records) of the journal cannot be read")
        }
        progress.tables = tables
    }

    private static func facts(_ payload: [UInt8], _ number: Int64) -> AuthenticatedRow {
        AuthenticatedRow(table: "journal", fields: [.integer(number), .bytes(payload)])
    }

    private static func failure(_ what: String) -> StorageError {
        let code: StorageError.Code =
            switch errno {
            case ENOSPC, EDQUOT: .outOfSpace
            case EROFS: .readOnly
            case EACCES, EPERM: .permission
            case ENOENT: .notFound
            default: .failed
            }
        return StorageError(code, what, nativeCode: "\(String(cString: strerror(errno))) (\(errno))")
    }
}
