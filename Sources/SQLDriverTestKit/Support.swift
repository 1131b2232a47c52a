internal import ClusterCore
internal import Foundation
internal import StorageSQL
internal import Synchronization

func expect(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    guard condition else { throw DriverCaseFailure(what()) }
}

/// The class of the error that `body` fails with.
///
/// - Throws: ``DriverCaseFailure`` when it does not fail, or with another error than a `StorageError`.
func failure(of what: String, _ body: () throws -> Void) throws -> StorageError {
    do {
        try body()
    } catch let error as StorageError {
        return error
    }
    throw DriverCaseFailure("\(what) went well and should have failed")
}

extension DriverUnderTest {
    /// A connection, and a table that is new and goes when the case is over.
    func withTable(_ table: SQLTable, _ body: (any SQLConnection) throws -> Void) throws {
        let connection = try open()
        defer { connection.close() }
        try connection.execute("DROP TABLE IF EXISTS \(table.name)")
        for statement in connection.dialect.creating(table) { try connection.execute(statement) }
        let result = Result { try body(connection) }
        connection.rollback()
        let cleaner = connection.isUsable ? connection : try open()
        try cleaner.execute("DROP TABLE IF EXISTS \(table.name)")
        try result.get()
    }
}

extension SQLConnection {
    /// Runs `body` in a transaction that writes.
    func inTransaction(_ body: () throws -> Void) throws {
        try begin(.write)
        do {
            try body()
            try commit()
        } catch {
            rollback()
            throw error
        }
    }

    func number(_ statement: String, _ values: [SQLValue] = []) throws -> Int64? {
        guard case .integer(let number)? = try rows(statement, values).first?.first else { return nil }
        return number
    }
}

/// Opens once; those who wait longer than a bound go on without it.
final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func open() { semaphore.signal() }

    /// - Returns: Whether it was opened in time.
    @discardableResult
    func wait(seconds: Double = 20) -> Bool { semaphore.wait(timeout: .now() + seconds) == .success }
}

/// Runs pieces of work at once, each on a thread of its own, and waits for all.
///
/// - Returns: What each threw, in order.
func atOnce(_ bodies: [@Sendable () throws -> Void]) -> [(any Error)?] {
    let errors = Mutex([(any Error)?](repeating: nil, count: bodies.count))
    let group = DispatchGroup()
    for (index, body) in bodies.enumerated() {
        group.enter()
        let thread = Thread {
            do { try body() } catch { errors.withLock { $0[index] = error } }
            group.leave()
        }
        thread.stackSize = 1 << 20
        thread.start()
    }
    group.wait()
    return errors.withLock { $0 }
}
