import ClusterCore
import StorageSQL
import Synchronization

@testable import StorageSQLite

/// A database behind a network that fails as it is told: commits whose answer is lost, whether they were carried out or
/// not, or are carried out later.
final class FaultyDatabase: Sendable {
    /// What happens to a commit.
    enum Fault: Hashable, Sendable {
        /// Nothing bad.
        case none
        /// It is carried out, and the answer is lost.
        case answerLost
        /// It never arrives.
        case requestLost
        /// It arrives before the next transaction begins.
        case late
        /// It arrives after the next transaction was committed.
        case tooLate
        /// Another transaction was in the way.
        case conflict
        /// The connection was lost before it.
        case connectionLost
        /// The transaction was given up after its second writing statement, without a word, and another one begun.
        case givenUp
    }

    /// A statement that ran, and how many rows it changed. A commit that arrives late finds no other rows to change.
    struct Statement: Sendable {
        var text: String
        var values: [SQLValue]
        var count: Int
    }

    private struct State {
        var faults: [Fault]
        var commits = 0
        var late: [[Statement]] = []
        var tooLate: [[Statement]] = []
        var refusedLate = 0
    }

    private let state: Mutex<State>

    init(faults: [Fault]) { state = Mutex(State(faults: faults)) }

    /// How many commits were carried out.
    var commits: Int { state.withLock { $0.commits } }
    /// How many commits that arrived late were refused.
    var refusedLate: Int { state.withLock { $0.refusedLate } }

    func connection(_ options: SQLiteConnection.Options) throws -> any SQLConnection {
        FaultyConnection(try SQLiteConnection(options), self)
    }

    func connection(
        _ path: String, _ request: ConnectionRequest, _ options: SQLiteOptions
    ) throws -> any SQLConnection {
        try connection(options.connection(path, request.mode, request.limits))
    }

    func nextFault() -> Fault {
        state.withLock { $0.faults.isEmpty ? .none : $0.faults.removeFirst() }
    }

    /// Whether the next fault is that the transaction is given up without a word; it happens once then.
    func isNextGivenUp() -> Bool {
        state.withLock { state in
            guard state.faults.first == .givenUp else { return false }
            state.faults.removeFirst()
            return true
        }
    }

    func carriedOut() { state.withLock { $0.commits += 1 } }

    func hold(_ statements: [Statement], tooLate: Bool) {
        let held = statements
        state.withLock { if tooLate { $0.tooLate.append(held) } else { $0.late.append(held) } }
    }

    /// Carries out what was held back.
    func deliver(on connection: SQLiteConnection, tooLate: Bool) {
        let held = state.withLock { state in
            defer { if tooLate { state.tooLate = [] } else { state.late = [] } }
            return tooLate ? state.tooLate : state.late
        }
        for statements in held {
            do {
                try connection.begin(.write)
                for statement in statements {
                    let count = try connection.execute(statement.text, statement.values)
                    if count != statement.count { throw StorageError(.conflict, "the row was changed meanwhile") }
                }
                try connection.commit()
                carriedOut()
            } catch {
                connection.rollback()
                state.withLock { $0.refusedLate += 1 }
            }
        }
    }
}

/// A connection to a ``FaultyDatabase``.
private final class FaultyConnection: SQLConnection {
    private struct Dialect: SQLDialect {
        let name = "faulty SQLite"
        let tellsCommitOutcome = false
        let losesTransactions = true
        let hasTransactionalSchema = true
        func creating(_ table: SQLTable) -> [String] { SQLiteDialect().creating(table) }
        func adding(_ column: SQLTable.Column, to table: String) -> String {
            SQLiteDialect().adding(column, to: table)
        }
    }

    let dialect: any SQLDialect = Dialect()
    private let base: SQLiteConnection
    private let database: FaultyDatabase
    private var statements: [FaultyDatabase.Statement] = []
    private var isWriting = false
    private var isDoomed = false

    init(_ base: SQLiteConnection, _ database: FaultyDatabase) {
        self.base = base
        self.database = database
    }

    var isUsable: Bool { base.isUsable }

    func execute(_ statement: String, _ values: [SQLValue]) throws -> Int {
        let count = try base.execute(statement, values)
        statements.append(.init(text: statement, values: values, count: count))
        if isDoomed, statements.count == 2 {
            base.rollback()
            try base.begin(.write)
        }
        return count
    }

    func query(_ statement: String, _ values: [SQLValue], _ body: (_ row: [SQLValue]) throws -> Void) throws {
        try base.query(statement, values, body)
    }

    func begin(_ mode: TransactionMode) throws {
        isWriting = mode == .write
        if isWriting { database.deliver(on: base, tooLate: false) }
        statements = []
        isDoomed = isWriting && database.isNextGivenUp()
        try base.begin(mode)
    }

    func commit() throws {
        let fault = database.nextFault()
        switch fault {
        case .none, .givenUp:
            try base.commit()
            database.carriedOut()
            database.deliver(on: base, tooLate: true)
        case .answerLost:
            try base.commit()
            database.carriedOut()
            throw StorageError(.commitUnknown, "the answer was lost")
        case .requestLost:
            base.rollback()
            throw StorageError(.commitUnknown, "the answer was lost")
        case .late, .tooLate:
            base.rollback()
            database.hold(statements, tooLate: fault == .tooLate)
            throw StorageError(.commitUnknown, "the answer was lost")
        case .conflict:
            base.rollback()
            throw StorageError(.conflict, "another transaction was in the way")
        case .connectionLost:
            base.rollback()
            throw StorageError(.connectionLost, "the connection was lost")
        }
    }

    func rollback() { base.rollback() }
    func serverTime() throws -> Timestamp { try base.serverTime() }
    func inspect() throws -> DatabaseIdentity { try base.inspect() }
    func claim() throws { try base.claim() }
    func close() { base.close() }
}
