internal import ClusterCore

/// One transaction on one connection, which the stores of a body share. Used on the connection's thread alone.
final class SQLTransaction {
    let connection: any SQLConnection
    let authenticator: any RowAuthenticator
    let mode: TransactionMode
    private let random: @Sendable () -> UInt64
    private var time: Timestamp?
    private var failure: (any Error)?
    private var isOpen = true
    private var statementsLeft: Int
    /// Whether a statement was refused because there were as many as may be.
    private(set) var isCutShort = false
    var isChanging = false

    /// - Parameter statements: How many may be run.
    init(
        _ connection: any SQLConnection, mode: TransactionMode, statements: Int = .max,
        authenticator: any RowAuthenticator, random: @escaping @Sendable () -> UInt64
    ) {
        self.connection = connection
        self.mode = mode
        self.statementsLeft = statements
        self.authenticator = authenticator
        self.random = random
    }

    var generator: EnvironmentGenerator { EnvironmentGenerator(random: random) }

    /// The store's time, read once.
    func now() throws -> Timestamp {
        if let time { return time }
        let time = try guarded { try connection.serverTime() }
        self.time = time
        return time
    }

    /// The server's time as a further column, by which a statement saves the one that reads the time; empty where there
    /// is none or it is known.
    var timeColumn: String {
        guard time == nil, let expression = connection.dialect.serverTime else { return "" }
        return ", \(expression)"
    }

    /// Takes over what ``timeColumn`` gave, if it was asked for.
    func noteTime(_ value: SQLValue?) {
        guard connection.dialect.serverTime != nil, case .integer(let time)? = value else { return }
        note(Timestamp(microseconds: time))
    }

    /// Takes over the server's time, which came with another statement; the first one counts.
    func note(_ time: Timestamp?) {
        if self.time == nil { self.time = time }
    }

    /// The store's time as an expression within a statement and the values of that: where nobody asked for the time yet,
    /// the server fills it in and need not be asked first.
    func timeExpression() throws -> (text: String, values: [SQLValue]) {
        if time == nil, let expression = connection.dialect.serverTime { return (expression, []) }
        return ("?", [.integer(try now().microseconds)])
    }

    /// Ends the use of the transaction: what a body kept of it is of no use later.
    func end() { isOpen = false }

    /// Makes sure that the transaction is not committed.
    func poison(_ error: any Error) {
        if failure == nil { failure = error }
    }

    /// Throws what poisoned the transaction.
    func checkCommittable() throws {
        if let failure { throw failure }
    }

    @discardableResult
    func execute(_ statement: String, _ values: [SQLValue]) throws -> Int {
        guard mode == .write else {
            throw StorageError(.misuse, "a write was asked for in a transaction that reads")
        }
        return try guarded { try connection.execute(statement, values) }
    }

    func rows(_ statement: String, _ values: [SQLValue] = []) throws -> [[SQLValue]] {
        try guarded { try connection.rows(statement, values) }
    }

    func query(_ statement: String, _ values: [SQLValue], _ body: ([SQLValue]) throws -> Void) throws {
        try guarded { try connection.query(statement, values, body) }
    }

    /// Runs a statement that gives rows, until `body` wants no more of them.
    ///
    /// - Returns: Whether it wanted all.
    func each(_ statement: String, _ values: [SQLValue], _ body: ([SQLValue]) throws -> Bool) throws -> Bool {
        struct Enough: Error {}
        return try guarded {
            do {
                try connection.query(statement, values) { row in
                    guard try body(row) else { throw Enough() }
                }
                return true
            } catch is Enough {
                return false
            }
        }
    }

    /// Runs one statement; when it fails, the transaction is lost: databases differ in what is left of it then.
    private func guarded<T>(_ body: () throws -> T) throws -> T {
        guard isOpen else { throw StorageError(.misuse, "a store was used after its transaction had ended") }
        try checkCommittable()
        guard statementsLeft > 0 else {
            isCutShort = true
            throw StorageError(.misuse, "a body that reads is run anew, within a transaction")
        }
        statementsLeft -= 1
        do {
            return try body()
        } catch {
            let named = ConstraintNames.translated(error)
            poison(named)
            throw named
        }
    }
}

/// The rules that the schema enforces, by the names that the store protocols state.
enum ConstraintNames {
    /// Keys are what databases report: the columns of the violated key, or the name of its index.
    private static let rules: [String: String] = {
        var rules: [String: String] = [:]
        for (table, columns, rule) in [
            ("cluster", ["id"], "cluster"), ("revision", ["id"], "cluster"),
            ("users", ["id"], "user.id"), ("users", ["name"], "user.name"),
            ("certificates", ["serial"], "certificate.serial"), ("secrets", ["id"], "secret.id"),
            ("nodes", ["id"], "node.id"), ("nodes", ["live_name"], "node.name"),
            ("node_subnets", ["prefix"], "node.subnet"),
            ("sessions", ["ipv4"], "session.address"), ("sessions", ["ipv6"], "session.address"),
        ] {
            rules[columns.map { "\(table).\($0)" }.joined(separator: ",")] = rule
            rules["\(table)_\(columns.joined(separator: "_"))"] = rule
        }
        return rules
    }()

    /// What a person reads when a rule is violated.
    private static let messages: [String: String] = [
        "cluster": "the database has a cluster already",
        "user.name": "there is a user of that name already",
        "node.name": "there is a node of that name already",
        "node.subnet": "the client subnet belongs to another node",
        "session.address": "a live session of another node has the same address",
    ]

    static func translated(_ error: any Error) -> any Error {
        guard let error = error as? StorageError, let native = error.code.constraintName, let rule = rules[native]
        else { return error }
        return violation(of: rule, nativeCode: error.nativeCode)
    }

    static func violation(of rule: String, nativeCode: String = "") -> StorageError {
        StorageError(
            .constraint(rule), messages[rule] ?? "there is one with the same \(rule) already", nativeCode: nativeCode)
    }
}
