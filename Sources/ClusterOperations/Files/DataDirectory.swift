internal import Glibc

/// The directory of one node: its settings, its key, and the database when that is a file.
///
/// It belongs to one user and nobody else can read it (mode 0700); every file in it has mode 0600. Files are
/// replaced whole, so that a crash leaves either the old or the new one.
public struct DataDirectory: Sendable, Hashable {
    /// Where a data directory is when nobody says: `/var/lib/asnode`.
    public static let defaultPath = "/var/lib/asnode"
    /// The name of the file with the node's own settings.
    public static let settingsName = "node.yaml"
    /// The name of the file with the key that unseals the cluster's secrets.
    public static let keyName = "cluster.key"
    /// The name of the database file when the settings name no database.
    public static let databaseName = "asnode.db"

    /// The directory's path, absolute.
    public let path: String

    /// Names a directory; nothing is read or made.
    ///
    /// - Parameter path: The path; a relative one is taken from the current directory.
    public init(path: String) {
        var absolute = path
        if !path.hasPrefix("/"), let current = getcwd(nil, 0) {
            absolute = String(cString: current) + "/" + (path.hasPrefix("./") ? String(path.dropFirst(2)) : path)
            free(current)
        }
        while absolute.count > 1, absolute.hasSuffix("/") { absolute.removeLast() }
        self.path = absolute
    }

    /// The path of a file in the directory.
    public func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Makes the directory, and those above it, where missing, and closes it to other users.
    ///
    /// - Throws: `OperationError`: `cannotCreate` or `notPermitted` with the way to mend it.
    public func create() throws(OperationError) {
        try makeParents()
        if mkdir(path, 0o700) != 0, errno != EEXIST {
            throw SystemError.current.explained("make the data directory", path, otherwise: .cannotCreate)
        }
        let facts = try existing()
        guard facts.owner == geteuid() else {
            throw OperationError(
                .notPermitted,
                "the data directory \(path) belongs to another user (id \(facts.owner)); run as that user")
        }
        if facts.mode & 0o077 != 0, chmod(path, 0o700) != 0 {
            throw SystemError.current.explained("close to other users", path, otherwise: .notPermitted)
        }
    }

    /// Checks that the directory is there and closed to other users.
    ///
    /// - Throws: `OperationError` with `configuration` when it is missing, open to others, or holds no node.
    public func check() throws(OperationError) {
        let facts = try existing()
        guard facts.mode & 0o077 == 0 else {
            throw OperationError(
                .configuration, "\(path) can be read by other users; close it: chmod 700 \(path)")
        }
    }

    /// What is known of a file in the directory.
    ///
    /// - Returns: `nil` when it does not exist.
    public func facts(of name: String) throws(OperationError) -> FileFacts? {
        try FileFacts.read(file(name))
    }

    /// Reads a file of the directory whole.
    ///
    /// - Parameters:
    ///   - name: The file's name.
    ///   - limitBytes: The most that is read.
    ///   - secret: Whether a file that others can read is refused.
    /// - Returns: The bytes, or `nil` when there is no such file.
    /// - Throws: `OperationError`; `configuration` for a secret file that is open to others.
    public func read(_ name: String, limitBytes: Int, secret: Bool = false) throws(OperationError) -> [UInt8]? {
        if secret, let facts = try facts(of: name), facts.mode & 0o077 != 0 {
            throw OperationError(
                .configuration,
                "\(file(name)) can be read by other users; close it: chmod 600 \(file(name))")
        }
        return try FileBytes.read(file(name), limitBytes: limitBytes)
    }

    /// Replaces a file of the directory as a whole, mode 0600, flushed to the disk.
    public func write(_ name: String, _ bytes: [UInt8]) throws(OperationError) {
        try FileBytes.replace(file(name), with: bytes, mode: 0o600)
    }

    /// Removes a file of the directory, if it is there and can be.
    func remove(_ name: String) { _ = unlink(file(name)) }

    /// Removes the directory with what is of no use any more in it.
    func removeRest(_ names: [String]) {
        for name in names { _ = unlink(file(name)) }
        _ = rmdir(path)
    }

    /// Takes the directory for one running node.
    ///
    /// - Returns: The lock; keep it as long as the node runs.
    /// - Throws: `OperationError` with `tryLater` when a node runs on the directory already.
    public func lockForRunning() throws(OperationError) -> DirectoryLock {
        guard let lock = try DirectoryLock.take(file("run.lock"), wait: false) else {
            throw OperationError(
                .tryLater, "a node runs on \(path) already; stop it first, or give this one another --data directory")
        }
        return lock
    }

    /// Whether a node runs on the directory.
    public func isRunning() throws(OperationError) -> Bool {
        guard try facts(of: "run.lock") != nil else { return false }
        return try DirectoryLock.take(file("run.lock"), wait: false) == nil
    }

    /// Takes the directory for setting it up, waiting for whoever else does.
    func lockForSetup() throws(OperationError) -> DirectoryLock {
        guard let lock = try DirectoryLock.take(file("setup.lock"), wait: true) else {
            throw OperationError(.tryLater, "\(path) is being set up by another process")
        }
        return lock
    }

    /// Removes what an interrupted replacement left behind. Only under the set-up lock.
    func removeLeftovers() {
        guard let handle = opendir(path) else { return }
        defer { closedir(handle) }
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasPrefix("."), name.hasSuffix(".tmp") { _ = unlink(file(name)) }
        }
    }

    private func existing() throws(OperationError) -> FileFacts {
        guard let facts = try FileFacts.read(path) else {
            throw OperationError(
                .configuration, "there is no node in \(path); make one: asnode --data \(path) init")
        }
        guard facts.kind == .directory else {
            throw OperationError(.cannotCreate, "\(path) is not a directory; choose another with --data")
        }
        return facts
    }

    private func makeParents() throws(OperationError) {
        var made = ""
        for part in FileBytes.split(path).directory.split(separator: "/") {
            made += "/\(part)"
            if mkdir(made, 0o755) != 0, errno != EEXIST {
                let error = SystemError.current
                // A parent that exists but lies on a read-only file system answers EROFS or EACCES, not EEXIST.
                if try FileFacts.read(made)?.kind == .directory { continue }
                throw error.explained("make the directory", made, otherwise: .cannotCreate)
            }
        }
    }
}
