import ClusterCore
import StorageSQL
import Synchronization

/// What a transaction of the stores sent to its driver.
struct RecordedStatement: Sendable {
    /// The statement as its database gets it.
    var text: String
    /// Its values.
    var values: [SQLValue]
}

/// A driver's connection that keeps what goes through it, so that a bare client can be given the very same statements.
final class RecordingConnection: SQLConnection {
    private let base: any SQLConnection
    private let log: Mutex<[RecordedStatement]>

    init(_ base: any SQLConnection) {
        self.base = base
        self.log = Mutex([])
    }

    /// The statements since the last call.
    func take() -> [RecordedStatement] {
        log.withLock { statements in
            defer { statements = [] }
            return statements
        }
    }

    var dialect: any SQLDialect { base.dialect }
    var isUsable: Bool { base.isUsable }

    func execute(_ statement: String, _ values: [SQLValue]) throws -> Int {
        keep(statement, values)
        return try base.execute(statement, values)
    }

    func query(_ statement: String, _ values: [SQLValue], _ body: ([SQLValue]) throws -> Void) throws {
        keep(statement, values)
        try base.query(statement, values, body)
    }

    func begin(_ mode: TransactionMode) throws { try base.begin(mode) }
    func commit() throws { try base.commit() }
    func rollback() { base.rollback() }
    func serverTime() throws -> Timestamp { try base.serverTime() }
    func inspect() throws -> DatabaseIdentity { try base.inspect() }
    func claim() throws { try base.claim() }
    func close() { base.close() }

    private func keep(_ statement: String, _ values: [SQLValue]) {
        log.withLock { $0.append(RecordedStatement(text: dialect.rendered(statement), values: values)) }
    }
}

/// A driver without a database: what is left of a call is the way to the connection's thread and back.
final class NullConnection: SQLConnection {
    private struct Dialect: SQLDialect {
        let name = "nothing"
        let tellsCommitOutcome = true
        let hasTransactionalSchema = true
        func creating(_ table: SQLTable) -> [String] { [] }
        func adding(_ column: SQLTable.Column, to table: String) -> String { "" }
    }

    let dialect: any SQLDialect = Dialect()
    let isUsable = true

    func execute(_ statement: String, _ values: [SQLValue]) throws -> Int { 1 }
    func query(_ statement: String, _ values: [SQLValue], _ body: ([SQLValue]) throws -> Void) throws {}
    func begin(_ mode: TransactionMode) throws {}
    func commit() throws {}
    func rollback() {}
    func serverTime() throws -> Timestamp { Timestamp(microseconds: 0) }
    func inspect() throws -> DatabaseIdentity { .ours }
    func claim() throws {}
    func close() {}
}
