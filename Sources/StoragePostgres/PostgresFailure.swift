internal import CPostgres
internal import ClusterCore

/// Turns SQLSTATEs (https://www.postgresql.org/docs/current/errcodes-appendix.html) into the errors of all backends.
struct PostgresFailure {
    /// Five characters; empty when the error came from libpq.
    let state: String
    /// The server's primary message, which may quote values.
    let message: String
    /// The constraint or index that was violated.
    let constraint: String

    /// The failure that a result tells.
    init(result: OpaquePointer?) {
        func field(_ code: CInt) -> String {
            PQresultErrorField(result, code).map { String(cString: $0) } ?? ""
        }
        state = field(CInt(UInt8(ascii: "C")))
        message = Self.oneLine(field(CInt(UInt8(ascii: "M"))))
        constraint = field(CInt(UInt8(ascii: "n")))
    }

    /// Whether the connection is of no use after it.
    var endsConnection: Bool {
        switch state {
        case "57P01", "57P02", "57P03", "57P05", "25006", "26000", "42P05", "25P03", "25P04": true
        default: state.hasPrefix("08")
        }
    }

    /// Whether what was prepared does not fit the tables any more.
    var isStalePlan: Bool { state == "0A000" }

    /// The failure as an error.
    ///
    /// - Parameter mode: What the transaction that failed is for.
    func error(in mode: TransactionModeOfFailure) -> StorageError {
        switch state {
        case "40001", "40P01", "0A000":
            return make(.conflict, "the transaction clashed with another one")
        case "55P03":
            return make(.busy, "another transaction held a row for too long", "try again later")
        case "57014":
            return make(.timeout, "a statement took longer than it may, or was stopped")
        case "23505":
            return make(.constraint(constraint), "there is one with the same \(constraint) already")
        case "25006":
            guard mode != .reading else { return make(.misuse, "a write was asked for in a transaction that reads") }
            return make(
                .readOnly, "the server takes no writes", "it may be a former primary; name the present one")
        case "53100":
            return make(.outOfSpace, "the server's disk is full", "make room there; nothing was lost")
        case "42501":
            return make(.permission, "the database user may not do that: \(message)", "grant what is missing")
        case "25P02":
            return make(.failed, "an earlier statement of the transaction had failed")
        case "42P01", "42703":
            return make(.corrupt, "the database lacks a part of its schema: \(message)", "restore it from a backup")
        case "26000", "42P05":
            return make(
                .connectionLost, "prepared statements are gone from the connection",
                "behind a pooler in transaction mode add prepared-statements=off to the URL")
        default:
            return byClass()
        }
    }

    private func byClass() -> StorageError {
        switch String(state.prefix(2)) {
        case "08", "57", "25": make(.connectionLost, "the connection to the database was lost")
        case "22", "23": make(.invalid, "a value breaks a limit of the schema")
        case "28": make(.permission, "the server refuses the user or the password: \(message)")
        case "3D": make(.notFound, "the server has no such database: \(message)")
        case "40": make(.conflict, "the transaction was rolled back")
        case "53": make(.unavailable, "the server has no room for more: \(message)", "try again later")
        case "58", "XX": make(.unavailable, "the server failed", "look at its log")
        default: make(.failed, "the server could not run a statement: \(message)")
        }
    }

    private func make(_ code: StorageError.Code, _ message: String, _ advice: String = "") -> StorageError {
        StorageError(code, message, advice: advice, nativeCode: state.isEmpty ? "" : "SQLSTATE \(state)")
    }

    /// A message of libpq or of a server as one line of bounded length.
    static func oneLine(_ text: String) -> String {
        let words = text.unicodeScalars.split { $0.value < 0x20 || $0.value == 0x7f || $0 == " " }
        return String(words.map { String($0) }.joined(separator: " ").prefix(300))
    }
}

/// What a transaction that failed is for.
enum TransactionModeOfFailure {
    case none, reading, writing
}

extension PostgresFailure {
    static var lost: StorageError {
        StorageError(.connectionLost, "the connection to the database was lost")
    }

    static var unknownCommit: StorageError {
        StorageError(.commitUnknown, "the connection to the database was lost while a transaction was committed")
    }

    /// Why no connection came about, from libpq's words; SQLSTATEs are not told for that.
    static func connecting(_ words: String, to address: PostgresAddress) -> StorageError {
        let line = oneLine(words)
        let text = "cannot connect to \(address): \(line)"
        func says(_ part: String) -> Bool { line.contains(part) }
        if says("password authentication failed") || says("no password supplied") || says("no pg_hba.conf entry")
            || says("permission denied for database") || (says("role") && says("does not exist"))
        {
            return StorageError(.permission, text, advice: "check the user and the password")
        }
        if says("database") && says("does not exist") {
            return StorageError(.notFound, text, advice: "create it, or name the right one")
        }
        if says("certificate") || says("SSL") {
            return StorageError(
                .unavailable, text,
                advice: "name the authority that signed the server's certificate with sslrootcert=FILE, or see sslmode")
        }
        if says("timeout expired") {
            return StorageError(.timeout, text, advice: "check that the server runs and can be reached")
        }
        if says("session is read-only") || says("hot standby") {
            return StorageError(.readOnly, text, advice: "none of the servers takes writes; name the present primary")
        }
        return StorageError(.unavailable, text, advice: "check that the server runs and can be reached")
    }
}
