internal import CMariaDB
internal import ClusterCore

/// Turns error numbers of servers (https://mariadb.com/kb/en/mariadb-error-codes/,
/// https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html) and of the client library into the errors of
/// all backends.
struct MySQLFailure {
    /// The number: 1000 and more from a server, 2000 to 2999 and 5000 and more from the library; few below 1000.
    let number: UInt32
    /// The words, which may quote values.
    let message: String

    /// The failure of the last call on a connection.
    init(connection: UnsafeMutablePointer<MYSQL>) {
        // A failure that nobody noted leaves the connection in a state that nobody knows.
        let number = mysql_errno(connection)
        self.number = number == 0 ? UInt32(CR_UNKNOWN_ERROR) : number
        message = mysql_error(connection).map { String(cString: $0) } ?? ""
    }

    /// The failure of the last call on a statement. While rows are read the library notes it at the connection alone.
    init(statement: UnsafeMutablePointer<MYSQL_STMT>) {
        let number = mysql_stmt_errno(statement)
        if number == 0, let connection = statement.pointee.mysql {
            self.init(connection: connection)
        } else {
            self.init(number: number, message: mysql_stmt_error(statement).map { String(cString: $0) } ?? "")
        }
    }

    /// A failure of a number and words.
    init(number: UInt32, message: String) {
        self.number = number
        self.message = message
    }

    /// That the connection was found to be lost.
    static let gone = MySQLFailure(number: UInt32(CR_SERVER_LOST), message: "")

    /// Whether it came from the client library: the server was not reached, or not understood.
    var isLocal: Bool { (2000..<3000).contains(number) || (5000..<6000).contains(number) }

    /// Whether the connection is of no use after it: it is gone, or leads to a server that should be left.
    var endsConnection: Bool {
        isLocal || condemnsServer
            || [1053, 1077, 1079, 1080, 1152, 1158, 1159, 1160, 1161, 1184, 1243, 1927, 3169, 4031].contains(number)
    }

    /// Whether the server is one that every connection should leave: no part of its cluster, or without writes.
    var condemnsServer: Bool { [1047, 1290, 1836].contains(number) }

    /// Whether the transaction cannot go on: the server rolled it back, or one statement of it, of which nobody should
    /// take the rest for the whole.
    var endsTransaction: Bool { [1213, 1020, 1180, 1205, 1412, 3058, 3100, 3101].contains(number) }

    /// Whether a commit that failed so was certainly rolled back.
    var saysRolledBack: Bool { [1213, 1020, 1290, 1836, 3101].contains(number) }

    /// Whether statements have to be prepared again after it.
    var invalidatesStatements: Bool { number == 1615 || number == 1461 }

    /// The key that was violated, from the end of a message whose middle quotes values:
    /// `… for key 'users_name'`, on MySQL 8 `… for key 'users.users_name'`.
    var violatedKey: String? {
        guard number == 1062 || number == 1586 || number == 1022 else { return nil }
        guard let end = message.lastIndex(of: "'"),
            let start = message[..<end].lastIndex(of: "'")
        else { return nil }
        let name = message[message.index(after: start)..<end]
        return name.split(separator: ".").last.map { String($0) }
    }

    /// The failure as an error.
    func error() -> StorageError {
        switch number {
        case 1213, 1020, 1180, 1412, 1615, 3058, 3100, 3101:
            return make(.conflict, "the transaction clashed with another one")
        case 1205, 3572:
            return make(.busy, "another transaction held a row for too long", "try again later")
        case 1461:
            return make(.busy, "the server has no room for more prepared statements", "raise max_prepared_stmt_count")
        case 1969, 3024, 1317:
            return make(.timeout, "a statement took longer than it may, or was stopped")
        case 1290, 1836:
            return make(.readOnly, "the server takes no writes", "it may be a former primary; name the present one")
        case 1792:
            return make(.misuse, "a write was asked for in a transaction that reads")
        case 1021, 1114, 3, 1026, 1030, 1878:
            guard isFull else { return other }
            return make(.outOfSpace, "the server's disk is full", "make room there; nothing was lost")
        case 1047:
            return make(.connectionLost, "the server is not part of its cluster at the moment", "try again later")
        case 1040, 1129, 1203, 1226:
            return make(.unavailable, "the server has no room for more connections", "try again later")
        case 1045, 1698, 1044, 1130, 1251, 1396, 1820, 1862, 3118, 4151:
            return make(.permission, "the server refuses the user or the password", "check both, and the user's host")
        case 1142, 1143, 1227, 1370, 1419:
            return make(.permission, "the database user may not do that", "grant what is missing")
        case 1049:
            return make(.notFound, "the server has no such database", "create it, or name the right one")
        case 1146, 1054:
            return make(.corrupt, "the database lacks a part of its schema", "restore it from a backup")
        case 1048, 1364, 1406, 1264, 1366, 1292, 1265, 3819, 4025, 1153, 1301, 3140:
            return make(.invalid, "a value breaks a limit of the schema")
        case 1062, 1586, 1022:
            let key = violatedKey ?? "key"
            return make(.constraint(key), "there is one with the same \(key) already")
        default:
            return endsConnection ? lost : other
        }
    }

    /// Whether there is no room; failures to write a file tell why in their words (`ENOSPC` is 28).
    private var isFull: Bool { [1021, 1114].contains(number) || message.contains("28") }

    private var lost: StorageError {
        make(.connectionLost, "the connection to the database was lost")
    }

    // The words of other errors may quote values, so the number has to do.
    private var other: StorageError {
        make(
            .failed, "the server could not run a statement", "look up the error's number in the server's documentation")
    }

    private func make(_ code: StorageError.Code, _ message: String, _ advice: String = "") -> StorageError {
        StorageError(code, message, advice: advice, nativeCode: number == 0 ? "" : "error \(number)")
    }
}

extension MySQLFailure {
    static var lost: StorageError { gone.lost }

    static var unknownCommit: StorageError {
        StorageError(.commitUnknown, "the connection to the database was lost while a transaction was committed")
    }

    /// Why no connection to a host came about; the words of connects quote no secrets.
    func connecting(to host: String, of address: MySQLAddress) -> StorageError {
        let words = message.unicodeScalars.split { $0.value < 0x20 || $0.value == 0x7f || $0 == " " }
        let line = String(words.map { String($0) }.joined(separator: " ").prefix(300))
        var error = error()
        error.message = "cannot connect to \(address) at \(host): \(line)"
        switch number {
        case 2026:
            error.code = .unavailable
            error.advice = "name the authority that signed the server's certificate with ssl-ca=FILE, or see ssl-mode"
        case 3159, 4178:
            error.code = .unavailable
            error.advice = "the server wants TLS; see ssl-mode"
        case 2002, 2003, 2005, 2006, 2013, 2055:
            let isLate = message.contains("110") || message.contains("timed out")
            error.code = isLate ? .timeout : .unavailable
            error.advice = "check that the server runs and can be reached"
        case _ where error.code == .connectionLost || error.code == .failed:
            error.code = .unavailable
        default: break
        }
        return error
    }
}
