internal import CSQLite
internal import ClusterCore
internal import Glibc

extension SQLiteConnection {
    /// Copies one state of the database to a new file, which nobody else can read, while others use the database.
    ///
    /// The copy appears under its name when it is complete and on disk; of several made at once one wins.
    ///
    /// - Throws: ``StorageError``; with `constraint` `file` when there is such a file.
    func copy(to path: String) throws {
        guard access(path, F_OK) != 0 else { throw Self.exists(path) }
        let partial = "\(path).partial-\(String(UInt64.random(in: 0 ... .max), radix: 16))"
        defer { unlink(partial) }
        try SQLiteFile(path: partial).create()
        try writeCopy(to: partial)
        // Unlike a rename, a link never takes the place of another file.
        guard link(partial, path) == 0 else {
            if errno == EEXIST { throw Self.exists(path) }
            throw StorageError(.unavailable, "\(path) cannot be made: \(String(cString: strerror(errno)))")
        }
        try SQLiteFile(path: path).synchroniseDirectory()
    }

    private static func exists(_ path: String) -> StorageError {
        StorageError(.constraint("file"), "\(path) exists already", advice: "name another file, or remove that one")
    }

    private func writeCopy(to path: String) throws {
        var target: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let code = sqlite3_open_v2(path, &target, flags, nil)
        defer { sqlite3_close_v2(target) }
        guard code == SQLITE_OK, let target else { throw SQLiteFailure(target, code: code, path: path).error }
        guard let backup = sqlite3_backup_init(target, "main", handle, "main") else {
            throw SQLiteFailure(target, code: sqlite3_extended_errcode(target), path: path).error
        }
        var result = sqlite3_backup_step(backup, -1)
        for _ in 0..<100 where result & 0xff == SQLITE_BUSY {
            sqlite3_sleep(20)
            result = sqlite3_backup_step(backup, -1)
        }
        let finished = sqlite3_backup_finish(backup)
        guard result == SQLITE_DONE, finished == SQLITE_OK else {
            let failed = result == SQLITE_DONE ? finished : result
            throw SQLiteFailure(target, code: failed, path: path).error
        }
        // A copy has no log beside it: one file is all of it.
        sqlite3_exec(target, "PRAGMA journal_mode = DELETE", nil, nil, nil)
    }
}
