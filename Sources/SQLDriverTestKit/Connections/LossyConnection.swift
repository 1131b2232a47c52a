internal import ClusterCore
public import StorageSQL
public import StorageTestKit
internal import Synchronization

/// Faults for connections of a database that has no network in between which could fail.
///
/// Connections that were made lossy tell a lost commit as unknown and their dialect does not tell outcomes, so the
/// stores above do all that they do over a network.
public final class ConnectionFaults: Sendable {
    private let armed = Mutex<ConnectionFault?>(nil)

    /// Nothing is armed.
    public init() {}

    /// Arms one fault, which strikes the next statement, query or commit on any of the connections.
    public func arm(_ fault: ConnectionFault) { armed.withLock { $0 = fault } }

    /// The connection with faults.
    public func lossy(_ connection: any SQLConnection) -> any SQLConnection {
        LossyConnection(connection, faults: self)
    }

    func take() -> ConnectionFault? {
        armed.withLock { armed in
            defer { armed = nil }
            return armed
        }
    }
}

private final class LossyConnection: ForwardingConnection {
    private let faults: ConnectionFaults
    private var isLost = false

    init(_ base: any SQLConnection, faults: ConnectionFaults) {
        self.faults = faults
        super.init(base)
    }

    override var dialect: any SQLDialect { ForgetfulDialect(base: base.dialect) }
    override var isUsable: Bool { !isLost && base.isUsable }

    override func execute(_ statement: String, _ values: [SQLValue]) throws -> Int {
        try sending(.connectionLost) { try base.execute(statement, values) }
    }

    override func query(
        _ statement: String, _ values: [SQLValue], _ body: (_ row: [SQLValue]) throws -> Void
    ) throws {
        try sending(.connectionLost) { try base.query(statement, values, body) }
    }

    override func commit() throws { try sending(.commitUnknown) { try base.commit() } }

    private func sending<T>(_ code: StorageError.Code, _ body: () throws -> T) throws -> T {
        guard !isLost else { throw StorageError(.connectionLost, "the connection was lost") }
        guard let fault = faults.take() else { return try body() }
        isLost = true
        if fault == .answerLost { _ = try body() }
        base.rollback()
        throw StorageError(code, "the connection was lost")
    }
}

/// The dialect of a database behind a network.
private struct ForgetfulDialect: SQLDialect {
    let base: any SQLDialect

    var name: String { base.name }
    var tellsCommitOutcome: Bool { false }
    var hasTransactionalSchema: Bool { base.hasTransactionalSchema }
    var serverTime: String? { base.serverTime }
    var returnsRows: Bool { base.returnsRows }
    var rowLock: String { base.rowLock }
    var announcement: String? { base.announcement }
    func adding(_ column: SQLTable.Column, to table: String) -> String { base.adding(column, to: table) }
    func rendered(_ statement: String) -> String { base.rendered(statement) }
    func creating(_ table: SQLTable) -> [String] { base.creating(table) }
}
