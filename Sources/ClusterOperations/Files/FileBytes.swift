internal import Foundation
internal import Glibc

/// An open file descriptor that closes itself.
struct FileDescriptor: ~Copyable {
    let number: CInt

    /// Takes over an open descriptor.
    init(_ number: CInt) { self.number = number }

    deinit { _ = close(number) }
}

/// What the kernel says about a file.
public struct FileFacts: Hashable, Sendable {
    /// What kind of file it is.
    public enum Kind: Hashable, Sendable {
        /// A plain file.
        case regular
        /// A directory.
        case directory
        /// Anything else: a device, a pipe, a socket.
        case other
    }

    /// What kind of file it is.
    public var kind: Kind
    /// The permission bits, `0o7777` at most.
    public var mode: UInt32
    /// The owner's user id.
    public var owner: UInt32
    /// The size in bytes.
    public var sizeBytes: Int64

    /// Facts as they are given.
    public init(kind: Kind, mode: UInt32, owner: UInt32, sizeBytes: Int64) {
        self.kind = kind
        self.mode = mode
        self.owner = owner
        self.sizeBytes = sizeBytes
    }

    /// Asks the kernel, following symbolic links.
    ///
    /// - Returns: `nil` when nothing is at that path.
    /// - Throws: `OperationError` when the kernel does not say.
    static func read(_ path: String) throws(OperationError) -> FileFacts? {
        guard let resolved = realpath(path, nil) else {
            let error = SystemError.current
            if error.number == ENOENT { return nil }
            throw error.explained("look at", path, otherwise: .inputOutput)
        }
        defer { free(resolved) }
        // Not `stat`: which module that structure belongs to depends on what else is imported in the package.
        let attributes: [FileAttributeKey: Any]
        do {
            attributes = try FileManager.default.attributesOfItem(atPath: String(cString: resolved))
        } catch {
            throw OperationError(.inputOutput, "cannot look at \(path); check its permissions")
        }
        let type = attributes[.type] as? FileAttributeType
        return FileFacts(
            kind: type == .typeRegular ? .regular : type == .typeDirectory ? .directory : .other,
            mode: (attributes[.posixPermissions] as? NSNumber)?.uint32Value ?? 0,
            owner: (attributes[.ownerAccountID] as? NSNumber)?.uint32Value ?? .max,
            sizeBytes: (attributes[.size] as? NSNumber)?.int64Value ?? 0)
    }
}

/// Whole files, read and written so that a crash leaves the old or the new one.
enum FileBytes {
    /// Reads a file whole.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - limitBytes: The most that is read; a larger file is refused.
    /// - Returns: The bytes, or `nil` when there is no such file.
    /// - Throws: `OperationError` with `badData` for a file that is too large, else what the kernel says.
    static func read(_ path: String, limitBytes: Int) throws(OperationError) -> [UInt8]? {
        let opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard opened >= 0 else {
            let error = SystemError.current
            if error.number == ENOENT { return nil }
            throw error.explained("read", path, otherwise: .inputOutput)
        }
        let file = FileDescriptor(opened)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = Glibc.read(file.number, &chunk, chunk.count)
            if count == 0 { return bytes }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw SystemError.current.explained("read", path, otherwise: .inputOutput)
            }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= limitBytes else {
                throw OperationError(.badData, "\(path) is larger than \(limitBytes) bytes and not read")
            }
        }
    }

    /// Writes a file whole: a temporary file beside it, flushed to the disk, then renamed over it.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - bytes: What it shall hold.
    ///   - mode: Its permission bits, whatever the umask is.
    /// - Throws: `OperationError`; the old file, if any, is then untouched.
    static func replace(_ path: String, with bytes: [UInt8], mode: UInt32) throws(OperationError) {
        let (directory, name) = split(path)
        let temporary = "\(directory)/.\(name).\(getpid()).\(UInt32.random(in: 0 ... .max)).tmp"
        do {
            try writeNew(temporary, bytes, mode: mode, naming: path)
        } catch {
            _ = unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let error = SystemError.current
            _ = unlink(temporary)
            throw error.explained("write", path, otherwise: .cannotCreate)
        }
        try flushDirectory(directory)
    }

    /// Gives a file another name, over whatever has that name, and makes that durable.
    static func move(_ path: String, to other: String) throws(OperationError) {
        guard rename(path, other) == 0 else {
            throw SystemError.current.explained("rename", path, otherwise: .cannotCreate)
        }
        try flushDirectory(split(other).directory)
    }

    /// Writes to a file that is no plain file, a terminal or a pipe for instance, as it stands.
    static func append(_ bytes: [UInt8], to path: String) throws(OperationError) {
        let opened = open(path, O_WRONLY | O_CLOEXEC)
        guard opened >= 0 else { throw SystemError.current.explained("write", path, otherwise: .cannotCreate) }
        let file = FileDescriptor(opened)
        try writeAll(bytes, to: file.number, naming: path)
    }

    /// The directory and the last component of a path.
    static func split(_ path: String) -> (directory: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let directory = slash == path.startIndex ? "/" : String(path[..<slash])
        return (directory, String(path[path.index(after: slash)...]))
    }

    /// Makes the names in a directory durable.
    static func flushDirectory(_ directory: String) throws(OperationError) {
        let opened = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard opened >= 0 else { throw SystemError.current.explained("open", directory, otherwise: .inputOutput) }
        let file = FileDescriptor(opened)
        // Some file systems cannot flush a directory and say EINVAL; there is nothing more to do then.
        guard fsync(file.number) == 0 || errno == EINVAL else {
            throw SystemError.current.explained("flush", directory, otherwise: .inputOutput)
        }
    }

    private static func writeNew(
        _ temporary: String, _ bytes: [UInt8], mode: UInt32, naming path: String
    ) throws(OperationError) {
        let opened = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard opened >= 0 else { throw SystemError.current.explained("write", path, otherwise: .cannotCreate) }
        let file = FileDescriptor(opened)
        try writeAll(bytes, to: file.number, naming: path)
        guard fchmod(file.number, mode) == 0, fsync(file.number) == 0 else {
            throw SystemError.current.explained("write", path, otherwise: .inputOutput)
        }
    }

    /// Writes all bytes to an open file.
    static func writeAll(_ bytes: [UInt8], to number: CInt, naming path: String) throws(OperationError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                write(number, buffer.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SystemError.current.explained("write", path, otherwise: .inputOutput) }
            written += count
        }
    }
}
