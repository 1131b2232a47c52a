internal import ClusterCore
internal import Glibc

/// A backup being written: a temporary file beside its place, which takes its name only when it is whole and on disk.
/// Used by one thread at a time.
final class BackupOutput {
    private let path: String
    private let temporary: String
    private let file: FileDescriptor
    private(set) var byteCount = 0
    private var isPlaced = false

    /// - Parameters:
    ///   - path: Where the backup goes.
    ///   - name: Names the temporary file apart from others; an old one of that name is written over.
    init(_ path: String, name: String) throws(OperationError) {
        let (directory, last) = FileBytes.split(path)
        self.path = path
        temporary = "\(directory)/.\(last).\(name).tmp"
        let opened = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard opened >= 0 else { throw SystemError.current.explained("write", path, otherwise: .cannotCreate) }
        file = FileDescriptor(opened)
        guard fchmod(opened, 0o600) == 0 else {
            throw SystemError.current.explained("write", path, otherwise: .inputOutput)
        }
    }

    deinit {
        if !isPlaced { _ = unlink(temporary) }
    }

    func write(_ bytes: [UInt8]) throws(OperationError) {
        try FileBytes.writeAll(bytes, to: file.number, naming: path)
        byteCount += bytes.count
    }

    /// Brings the file to the disk and gives it its name.
    func place() throws(OperationError) {
        guard fsync(file.number) == 0, rename(temporary, path) == 0 else {
            throw SystemError.current.explained("write", path, otherwise: .inputOutput)
        }
        isPlaced = true
        try FileBytes.flushDirectory(FileBytes.split(path).directory)
    }
}

/// A backup being read. Used by one thread at a time.
final class BackupInput {
    private let path: String
    private let file: FileDescriptor

    /// - Throws: `OperationError` with `notFound`, or when it is no plain file.
    init(_ path: String) throws(OperationError) {
        guard let facts = try FileFacts.read(path) else { throw OperationError(.notFound, "there is no file \(path)") }
        guard facts.kind == .regular else {
            throw OperationError(
                .badData, "\(path) is no plain file; a backup is read twice and cannot come from a pipe")
        }
        let opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard opened >= 0 else { throw SystemError.current.explained("read", path, otherwise: .inputOutput) }
        self.path = path
        file = FileDescriptor(opened)
    }

    /// The next bytes: as many as asked for, fewer only at the end.
    func read(_ count: Int) throws(OperationError) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            // What the file does not hold is not set aside for either.
            var chunk = [UInt8](repeating: 0, count: min(count - bytes.count, 1 << 20))
            let got = Glibc.read(file.number, &chunk, chunk.count)
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw SystemError.current.explained("read", path, otherwise: .inputOutput) }
            if got == 0 { break }
            if bytes.isEmpty, got == count { return chunk }
            bytes.append(contentsOf: chunk[..<got])
        }
        return bytes
    }
}
