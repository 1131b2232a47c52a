internal import ClusterCore
internal import Glibc

/// The file of a database, before SQLite opens it.
struct SQLiteFile {
    /// Where it is.
    let path: String

    private var directory: String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Makes an empty file that nobody else can read, and the directory that holds it, unless they are there.
    func create() throws {
        try makeDirectory(directory)
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor < 0, errno == EEXIST { return }
        guard descriptor >= 0 else { throw failure(errno, at: path) }
        defer { Glibc.close(descriptor) }
        guard fchmod(descriptor, 0o600) == 0 else { throw failure(errno, at: path) }
        try synchroniseDirectory()
    }

    /// Makes sure that it is a plain file which nobody else can read or write, and which nobody else can put another
    /// file in place of.
    ///
    /// - Returns: What was mended or should be.
    /// - Throws: ``StorageError`` with `notFound`, `permission`, `readOnly`, `foreign`.
    func secure() throws -> [StorageNotice] {
        var facts = stat()
        guard stat(path, &facts) == 0 else { throw failure(errno, at: path) }
        guard facts.st_mode & S_IFMT == S_IFREG else { throw SQLiteFailure.foreign(path, "it is no plain file") }
        var notices = try checkDirectory()
        for file in [path, path + "-wal", path + "-shm"] {
            if let notice = try makePrivate(file) { notices.append(notice) }
        }
        guard access(path, R_OK | W_OK) == 0 else { throw failure(errno, at: path) }
        guard access(directory, W_OK | X_OK) == 0 else { throw failure(errno, at: directory) }
        return notices
    }

    /// Looks into the header, without opening the file as a database, whether it can be ours.
    ///
    /// - Returns: Whether nothing is in it.
    /// - Throws: ``StorageError`` with `corrupt` when it is no SQLite database, `foreign` when it is something else's.
    func checkHeader() throws -> Bool {
        let header = try readHeader()
        if header.isEmpty { return true }
        guard header.count == 100, header.starts(with: Array("SQLite format 3\0".utf8)) else {
            throw SQLiteFailure.corrupt(path)
        }
        let application = header[68..<72].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard application != UInt32(bitPattern: SQLiteConnection.applicationID) else { return false }
        throw SQLiteFailure.foreign(path, "it is a SQLite database of something else")
    }

    /// How many bytes it has.
    func byteCount() -> Int64 {
        var facts = stat()
        return stat(path, &facts) == 0 ? Int64(facts.st_size) : 0
    }

    /// Makes a rename or a new file in the directory last.
    func synchroniseDirectory() throws {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(errno, at: directory) }
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(errno, at: directory) }
    }

    private func readHeader() throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(errno, at: path) }
        defer { Glibc.close(descriptor) }
        var header = [UInt8](repeating: 0, count: 100)
        let count = pread(descriptor, &header, 100, 0)
        guard count >= 0 else { throw failure(errno, at: path) }
        return Array(header.prefix(count))
    }

    private func makeDirectory(_ directory: String) throws {
        if access(directory, F_OK) == 0 { return }
        let parent = SQLiteFile(path: directory).directory
        if parent != directory { try makeDirectory(parent) }
        guard mkdir(directory, 0o700) == 0 || errno == EEXIST else { throw failure(errno, at: directory) }
    }

    /// A directory of someone else's that others can write is refused: they could put another file in place of ours.
    /// It is never changed, since it may be a directory such as `/tmp`.
    private func checkDirectory() throws -> [StorageNotice] {
        var facts = stat()
        guard stat(directory, &facts) == 0 else { throw failure(errno, at: directory) }
        let others = facts.st_mode & 0o077
        if others & 0o022 != 0, facts.st_mode & S_ISVTX == 0 {
            throw StorageError(
                .permission, "other users can replace files in \(directory)",
                advice: "`chmod 700 \(directory)`, or keep the database elsewhere")
        }
        guard others & 0o055 != 0 else { return [] }
        return [StorageNotice("\(directory) can be listed by other users; `chmod 700 \(directory)` mends it")]
    }

    private func makePrivate(_ file: String) throws -> StorageNotice? {
        var facts = stat()
        guard lstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return nil }
        guard facts.st_mode & 0o077 != 0 else { return nil }
        guard chmod(file, 0o600) == 0 else { throw failure(errno, at: file) }
        return StorageNotice("\(file) could be read or written by other users; its mode is 0600 now")
    }

    private func failure(_ code: CInt, at path: String) -> StorageError {
        switch code {
        case ENOENT: return SQLiteFailure.missing(path)
        case EACCES, EPERM: return SQLiteFailure.permission(path)
        case EROFS: return SQLiteFailure.readOnly(path)
        case ENOSPC, EDQUOT: return SQLiteFailure.outOfSpace(path)
        default:
            return StorageError(
                .unavailable, "\(path) cannot be used: \(String(cString: strerror(code)))",
                advice: "look at the path and the disk")
        }
    }
}

/// Something about a store that is no error and that its operator should know.
public struct StorageNotice: Hashable, Sendable, CustomStringConvertible {
    /// One line for a log.
    public let description: String

    init(_ description: String) { self.description = description }
}
