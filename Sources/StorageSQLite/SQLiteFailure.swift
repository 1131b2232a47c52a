internal import CSQLite
internal import ClusterCore
internal import Glibc

/// Turns SQLite's result codes (https://www.sqlite.org/rescode.html) into the errors of all backends.
struct SQLiteFailure {
    /// The extended result code.
    let code: CInt
    /// SQLite's own words, which quote names and statements but no bound values.
    let message: String
    /// `errno` of the failed system call, 0 if there was none.
    let systemError: CInt
    /// The database's file.
    let path: String

    /// The failure of the last call on a connection.
    init(_ database: OpaquePointer?, code: CInt, path: String) {
        self.code = code
        self.message = database.flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) } ?? ""
        self.systemError = database.map { sqlite3_system_errno($0) } ?? 0
        self.path = path
    }

    var error: StorageError {
        let native = "\(sqlite3_errstr(code).map { String(cString: $0) } ?? "SQLite error") (\(code))"
        switch code & 0xff {
        case SQLITE_CONSTRAINT: return constraint(native)
        case SQLITE_BUSY, SQLITE_LOCKED: return busy(native)
        case SQLITE_READONLY: return readOnly(native)
        case SQLITE_FULL: return Self.outOfSpace(path, native)
        case SQLITE_IOERR, SQLITE_CANTOPEN: return system(native)
        case SQLITE_CORRUPT, SQLITE_NOTADB: return Self.corrupt(path, native)
        case SQLITE_PERM, SQLITE_AUTH: return Self.permission(path, native)
        case SQLITE_INTERRUPT: return StorageError(.timeout, "a statement took too long", nativeCode: native)
        case SQLITE_TOOBIG:
            return StorageError(.malformedRow, "a row is larger than any that asnode writes", nativeCode: native)
        case SQLITE_MISUSE: return StorageError(.misuse, "SQLite was used wrongly", nativeCode: native)
        default: return other(native)
        }
    }

    private func constraint(_ native: String) -> StorageError {
        let names = message.split(separator: ": ", maxSplits: 1).last.map { String($0) } ?? ""
        switch code {
        case SQLITE_CONSTRAINT | (8 << 8), SQLITE_CONSTRAINT | (6 << 8), SQLITE_CONSTRAINT | (10 << 8):
            // UNIQUE, PRIMARYKEY, ROWID: "UNIQUE constraint failed: users.name" or "…: index 'users_name'".
            let name = names.split(separator: ", ").joined(separator: ",")
            return StorageError(.constraint(name), "there is one with the same \(name) already", nativeCode: native)
        default:
            return StorageError(.invalid, "a value breaks a limit of the schema: \(names)", nativeCode: native)
        }
    }

    private func busy(_ native: String) -> StorageError {
        if code == SQLITE_BUSY | (2 << 8) {  // BUSY_SNAPSHOT
            return StorageError(.conflict, "the database was changed by another transaction", nativeCode: native)
        }
        return StorageError(
            .busy, "\(path) is being written by another process",
            advice: "try again; if it stays so, look which process holds the file (`fuser \(path)`)",
            nativeCode: native)
    }

    private func readOnly(_ native: String) -> StorageError {
        if code == SQLITE_READONLY | (4 << 8) {  // READONLY_DBMOVED
            return StorageError(
                .unavailable, "\(path) was moved or replaced while it was open",
                advice: "put the file back, or restart", nativeCode: native)
        }
        return Self.readOnly(path, native)
    }

    /// An error of the operating system.
    private func system(_ native: String) -> StorageError {
        switch systemError {
        case ENOSPC, EDQUOT: return Self.outOfSpace(path, native)
        case EROFS: return Self.readOnly(path, native)
        case EACCES, EPERM: return Self.permission(path, native)
        case ENOENT: return Self.missing(path, native)
        default:
            let reason = systemError == 0 ? "" : ": " + String(cString: strerror(systemError))
            return StorageError(
                .unavailable, "\(path) cannot be read or written\(reason)",
                advice: "look at the disk and the system's log", nativeCode: native)
        }
    }

    private func other(_ native: String) -> StorageError {
        if message.hasPrefix("no such table") || message.hasPrefix("no such column") {
            return StorageError(
                .corrupt, "\(path) lacks a part of its schema (\(message))", advice: "restore it from a backup",
                nativeCode: native)
        }
        return StorageError(.failed, "SQLite could not run a statement: \(message)", nativeCode: native)
    }
}

extension SQLiteFailure {
    static func outOfSpace(_ path: String, _ native: String = "") -> StorageError {
        StorageError(
            .outOfSpace, "the disk that holds \(path) is full", advice: "make room there; nothing was lost",
            nativeCode: native)
    }

    static func readOnly(_ path: String, _ native: String = "") -> StorageError {
        StorageError(
            .readOnly, "\(path) can be read but not written",
            advice: "its disk is mounted read-only, or it lies on a read-only medium", nativeCode: native)
    }

    static func permission(_ path: String, _ native: String = "") -> StorageError {
        StorageError(
            .permission, "no permission to read and write \(path)",
            advice: "run as the user that owns it, or as root", nativeCode: native)
    }

    static func missing(_ path: String, _ native: String = "") -> StorageError {
        StorageError(
            .notFound, "there is no database at \(path)", advice: "make one with `asnode init`, or name the right one",
            nativeCode: native)
    }

    static func corrupt(_ path: String, _ native: String = "") -> StorageError {
        StorageError(
            .corrupt, "\(path) is not a SQLite database, or it is damaged",
            advice: "restore it from a backup; it was not changed", nativeCode: native)
    }

    static func foreign(_ path: String, _ sign: String) -> StorageError {
        StorageError(
            .foreign, "\(path) is not a database of asnode: \(sign)",
            advice: "name another file; this one was not changed")
    }
}
