internal import ClusterCore
internal import StorageSQL

/// A connection that hands everything on; others change one thing of it.
class ForwardingConnection: SQLConnection {
    let base: any SQLConnection

    init(_ base: any SQLConnection) { self.base = base }

    var dialect: any SQLDialect { base.dialect }
    var isUsable: Bool { base.isUsable }
    var canceller: (any StatementCanceller)? { base.canceller }

    func execute(_ statement: String, _ values: [SQLValue]) throws -> Int { try base.execute(statement, values) }

    func query(_ statement: String, _ values: [SQLValue], _ body: (_ row: [SQLValue]) throws -> Void) throws {
        try base.query(statement, values, body)
    }

    func begin(_ mode: TransactionMode) throws { try base.begin(mode) }
    func commit() throws { try base.commit() }
    func rollback() { base.rollback() }
    func serverTime() throws -> Timestamp { try base.serverTime() }
    func inspect() throws -> DatabaseIdentity { try base.inspect() }
    func claim() throws { try base.claim() }
    func waitForNotification(upTo limit: Duration) throws -> Bool? { try base.waitForNotification(upTo: limit) }
    func close() { base.close() }
}
