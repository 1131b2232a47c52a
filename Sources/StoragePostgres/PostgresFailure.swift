internal import CPostgres
internal import ClusterCore
internal import StorageSQL

/// Turns SQLSTATEs (https://www.postgresql.org/docs/current/errcodes-appendix.html) into the errors of all backends.
struct PostgresFailure {
    /// Five characters; empty when the error came from libpq.
    let state: String
    /// The server's primary message, which may quote values.
    let message: String
    /// The constraint or index that was violated.
    let constraint: String
    /// The function of the server that complains. Unlike the message it is in no language, and tells apart what has the
    /// same state.
    private let routine: String

    /// The failure that a result tells.
    init(result: OpaquePointer?) {
        func field(_ code: CInt) -> String {
            PQresultErrorField(result, code).map { String(cString: $0) } ?? ""
        }
        state = field(CInt(UInt8(ascii: "C")))
        message = Self.oneLine(field(CInt(UInt8(ascii: "M"))))
        constraint = field(CInt(UInt8(ascii: "n")))
        routine = field(CInt(UInt8(ascii: "R")))
    }

    /// Whether the connection is of no use after it.
    var endsConnection: Bool {
        if isStandby || isStalePlan { return true }
        return switch state {
        case "57P01", "57P02", "57P03", "57P05", "25006", "26000", "42P05", "25P03", "25P04": true
        default: state.hasPrefix("08")
        }
    }

    /// Whether what was prepared does not fit the tables any more.
    private var isStalePlan: Bool { state == "0A000" && routine == "RevalidateCachedQuery" }

    /// Whether the server only follows another one: then it does not take the settings of a transaction that writes.
    private var isStandby: Bool { state == "0A000" && routine.hasPrefix("call_") && routine.hasSuffix("_check_hook") }

    /// The failure as an error.
    ///
    /// - Parameter mode: What the transaction that failed is for; `nil` outside of one.
    func error(in mode: TransactionMode?) -> StorageError {
        if isStandby { return readOnly }
        if isStalePlan { return make(.conflict, "the schema was changed meanwhile") }
        switch state {
        case "40001", "40P01":
            return make(.conflict, "the transaction clashed with another one")
        case "55P03":
            return make(.busy, "another transaction held a row for too long", "try again later")
        case "57014":
            return make(.timeout, "a statement took longer than it may, or was stopped")
        case "23505":
            return make(.constraint(constraint), "there is one with the same \(constraint) already")
        case "25006":
            guard mode != .read else { return make(.misuse, "a write was asked for in a transaction that reads") }
            return readOnly
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

    private var readOnly: StorageError {
        make(.readOnly, "the server takes no writes", "it may be a former primary; name the present one")
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

extension PostgresFailure {
    static var lost: StorageError {
        StorageError(.connectionLost, "the connection to the database was lost")
    }

    static var unknownCommit: StorageError {
        StorageError(.commitUnknown, "the connection to the database was lost while a transaction was committed")
    }

    /// Why no connection came about.
    static func connecting(_ failure: PostgresLink.ConnectFailure, to address: PostgresAddress) -> StorageError {
        if failure.isTimeout {
            return StorageError(
                .timeout, "cannot connect to \(address): the server did not answer in time",
                advice: "check that the server runs and can be reached")
        }
        let (state, words) = told(failure.words)
        let (code, advice) = state.isEmpty ? cause(words) : cause(state: state)
        return StorageError(
            code, "cannot connect to \(address): \(words)", advice: advice,
            nativeCode: state.isEmpty ? "" : "SQLSTATE \(state)")
    }

    /// What a server said, out of libpq's most verbose words: `…SEVERITY:  STATE: MESSAGE`, with other lines behind it.
    /// The words for severity and message may be of any language.
    private static func told(_ words: String) -> (state: String, message: String) {
        for line in words.split(separator: "\n") {
            var parts = line.split(separator: " ", omittingEmptySubsequences: true)
            guard let index = parts.firstIndex(where: isState) else { continue }
            parts.removeFirst(index + 1)
            return (String(line.split(separator: " ")[index].dropLast()), oneLine(parts.joined(separator: " ")))
        }
        return ("", oneLine(words))
    }

    private static func isState(_ word: Substring) -> Bool {
        word.utf8.count == 6 && word.hasSuffix(":")
            && word.utf8.dropLast().allSatisfy { (48...57).contains($0) || (65...90).contains($0) }
            && word.utf8.dropLast().contains { (48...57).contains($0) }
    }

    private static func cause(state: String) -> (StorageError.Code, advice: String) {
        switch state {
        case "28000", "28P01": (.permission, "check the user, the password, and the server's pg_hba.conf")
        case "42501": (.permission, "grant CONNECT on the database to the user")
        case "3D000": (.notFound, "create it, or name the right one")
        case "53300": (.unavailable, "raise max_connections, or let fewer connections be open")
        default: (.unavailable, "check that the server runs and can be reached")
        }
    }

    private static func cause(_ words: String) -> (StorageError.Code, advice: String) {
        if words.contains("no password supplied") { return (.permission, "give a password, or name where it is") }
        if words.contains("certificate") || words.contains("SSL") {
            return (
                .unavailable,
                "name the authority that signed the server's certificate with sslrootcert=FILE, or see sslmode"
            )
        }
        if words.contains("session is read-only") || words.contains("hot standby") {
            return (.readOnly, "the server takes no writes; name the present primary")
        }
        return (.unavailable, "check that the server runs and can be reached")
    }
}
