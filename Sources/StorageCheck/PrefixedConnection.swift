internal import ClusterCore
internal import StorageSQL

/// A connection on which the tables of a store, and those of the cases for drivers, have names with a prefix, so that they can lie in a database that holds
/// other things, another store among them.
final class PrefixedConnection: SQLConnection {
    /// The store's own tables, without prefix.
    static let tables = Schema.tables.map(\.name) + ["schema_steps", MigrationLease.table.name]

    /// How the names of the tables begin that the cases for drivers make.
    private static let caseTables = "kit_"

    private let base: any SQLConnection
    private let prefix: String
    private let names = Set(tables)
    private var renamed: [String: String] = [:]

    init(_ base: any SQLConnection, prefix: String) {
        self.base = base
        self.prefix = prefix
    }

    var dialect: any SQLDialect { PrefixedDialect(base: base.dialect, prefix: prefix) }
    var isUsable: Bool { base.isUsable }
    var canceller: (any StatementCanceller)? { base.canceller }

    func execute(_ statement: String, _ values: [SQLValue]) throws -> Int {
        try telling { try base.execute(rename(statement), values) }
    }

    func query(_ statement: String, _ values: [SQLValue], _ body: (_ row: [SQLValue]) throws -> Void) throws {
        try telling { try base.query(rename(statement), values, body) }
    }

    func begin(_ mode: TransactionMode) throws { try base.begin(mode) }
    func commit() throws { try telling { try base.commit() } }
    func rollback() { base.rollback() }
    func serverTime() throws -> Timestamp { try base.serverTime() }
    func waitForNotification(upTo limit: Duration) throws -> Bool? { try base.waitForNotification(upTo: limit) }
    func close() { base.close() }

    func claim() throws {
        for statement in dialect.creating(MigrationLease.table) { try execute(statement) }
    }

    /// What lies beside tables with the prefix does not matter.
    func inspect() throws -> DatabaseIdentity {
        do {
            _ = try rows("SELECT number FROM schema_steps")
            return .ours
        } catch let error as StorageError where error.code == .corrupt {
            return .empty
        }
    }

    /// Puts the prefix before every word that is the name of a table; columns of such a name get it everywhere too.
    private func rename(_ statement: String) -> String {
        if let known = renamed[statement] { return known }
        var result = ""
        var word = ""
        for character in statement + " " {
            if character == "_" || character.isLetter || character.isNumber {
                word.append(character)
            } else {
                let isTable = names.contains(word) || word.hasPrefix(Self.caseTables)
                result += (isTable ? prefix : "") + word
                result.append(character)
                word = ""
            }
        }
        result.removeLast()
        if renamed.count < 512 { renamed[statement] = result }
        return result
    }

    /// Rules that are violated are told by the names that the store knows.
    private func telling<T>(_ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch var error as StorageError {
            if let name = error.code.constraintName { error.code = .constraint(name.replacing(prefix, with: "")) }
            throw error
        }
    }
}

/// The dialect with the prefix in the names of tables and of their indexes.
private struct PrefixedDialect: SQLDialect {
    let base: any SQLDialect
    let prefix: String

    var name: String { base.name }
    var tellsCommitOutcome: Bool { base.tellsCommitOutcome }
    var hasTransactionalSchema: Bool { base.hasTransactionalSchema }
    var serverTime: String? { base.serverTime }
    var rowLock: String { base.rowLock }
    var announcement: String? { base.announcement }
    func rendered(_ statement: String) -> String { base.rendered(statement) }
    func adding(_ column: SQLTable.Column, to table: String) -> String { base.adding(column, to: prefix + table) }

    func creating(_ table: SQLTable) -> [String] {
        var named = table
        named.name = prefix + table.name
        return base.creating(named)
    }
}
