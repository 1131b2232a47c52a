internal import CSQLite
internal import ClusterCore
internal import Glibc

extension SQLiteConnection {
    /// Copies one state of the database to a new file, which nobody else can read, while others use the database.
    ///
    /// The copy appears under its name when it is complete and on disk.
    ///
    /// - Throws: ``StorageError``; with `constraint` `file` when there is such a file.
    func copy(to path: String) throws {
        let file = SQLiteFile(path: path)
        let partial = SQLiteFile(path: path + ".partial")
        guard access(path, F_OK) != 0 else {
            throw StorageError(
                .constraint("file"), "\(path) exists already", advice: "name another file, or remove that one")
        }
        unlink(partial.path)
        try partial.create()
        do {
            try writeCopy(to: partial.path)
            guard rename(partial.path, path) == 0 else {
                throw StorageError(.unavailable, "\(path) cannot be made: \(String(cString: strerror(errno)))")
            }
            try file.synchroniseDirectory()
        } catch {
            unlink(partial.path)
            throw error
        }
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
