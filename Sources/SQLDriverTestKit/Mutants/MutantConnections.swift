internal import ClusterCore
internal import Foundation
internal import StorageSQL

/// Holds no lock between its statements: each runs in a transaction of its own, after those before it, and only the
/// last one stays.
final class UpdateLosingConnection: ForwardingConnection {
    private var written: [(String, [SQLValue])]?

    override func begin(_ mode: TransactionMode) throws {
        if mode == .write { written = [] } else { try base.begin(mode) }
    }

    override func execute(_ statement: String, _ values: [SQLValue]) throws -> Int {
        guard written != nil else { return try base.execute(statement, values) }
        let count = try replaying { try base.execute(statement, values) }
        written?.append((statement, values))
        return count
    }

    override func query(
        _ statement: String, _ values: [SQLValue], _ body: (_ row: [SQLValue]) throws -> Void
    ) throws {
        guard written != nil else { return try base.query(statement, values, body) }
        try replaying { try base.query(statement, values, body) }
    }

    override func commit() throws {
        defer { written = nil }
        try base.begin(.write)
        for (statement, values) in written ?? [] { _ = try base.execute(statement, values) }
        try base.commit()
    }

    override func rollback() {
        written = nil
        base.rollback()
    }

    private func replaying<T>(_ body: () throws -> T) throws -> T {
        try base.begin(.write)
        defer {
            base.rollback()
            // Whoever waits for the lock looks for it again every few milliseconds.
            Thread.sleep(forTimeInterval: 0.003)
        }
        for (statement, values) in written ?? [] { _ = try base.execute(statement, values) }
        return try body()
    }
}

/// Begins its first transaction that reads, and never ends it.
final class StaleConnection: ForwardingConnection {
    private var isReading = false
    private var isWriting = false

    override func begin(_ mode: TransactionMode) throws {
        if mode == .read, isReading { return }
        if isReading { base.rollback() }
        isReading = mode == .read
        isWriting = mode == .write
        try base.begin(mode)
    }

    /// A statement by itself reads what the one before it read, too.
    override func query(
        _ statement: String, _ values: [SQLValue], _ body: (_ row: [SQLValue]) throws -> Void
    ) throws {
        if !isWriting { try begin(.read) }
        try super.query(statement, values, body)
    }

    override func commit() throws {
        try super.commit()
        isWriting = false
    }

    override func rollback() {
        if !isReading { base.rollback() }
        isWriting = false
    }
}

/// Commits without the marker row.
final class MarkerlessConnection: ForwardingConnection {
    private var isWriting = false

    override func begin(_ mode: TransactionMode) throws {
        isWriting = mode == .write
        try base.begin(mode)
    }

    override func commit() throws {
        if isWriting { try base.execute("DELETE FROM commit_markers") }
        try base.commit()
    }
}

/// Commits where it should roll back.
final class FailureKeepingConnection: ForwardingConnection {
    private var isWriting = false

    override func begin(_ mode: TransactionMode) throws {
        isWriting = mode == .write
        try base.begin(mode)
    }

    override func rollback() {
        if isWriting { try? base.commit() }
        isWriting = false
        base.rollback()
    }
}

/// Reads without a transaction.
final class ShiftingConnection: ForwardingConnection {
    override func begin(_ mode: TransactionMode) throws {
        if mode == .write { try base.begin(mode) }
    }
}

/// Writes other values than it was given.
final class ValueChangingConnection: ForwardingConnection {
    private let mutant: DriverMutant

    init(_ base: any SQLConnection, _ mutant: DriverMutant) {
        self.mutant = mutant
        super.init(base)
    }

    override func execute(_ statement: String, _ values: [SQLValue]) throws -> Int {
        // Rows with an authentication code would be known by that.
        if mutant == .losesMicroseconds, statement.contains("mac") { return try base.execute(statement, values) }
        return try base.execute(statement, values.map { changed($0) })
    }

    private func changed(_ value: SQLValue) -> SQLValue {
        switch (mutant, value) {
        case (.losesMicroseconds, .integer(let number)) where number.magnitude > 1_000_000_000_000:
            .integer(number / 1000 * 1000)
        case (.foldsCase, .text(let text)): .text(text.lowercased())
        case (.emptiesAreNull, .text("")), (.emptiesAreNull, .blob([])): .null
        default: value
        }
    }
}

/// Leaves out the hundredth row of a result.
final class RowSkippingConnection: ForwardingConnection {
    override func query(
        _ statement: String, _ values: [SQLValue], _ body: (_ row: [SQLValue]) throws -> Void
    ) throws {
        var count = 0
        try base.query(statement, values) { row in
            count += 1
            if count != 100 { try body(row) }
        }
    }
}

/// Tells a violated rule as any error.
final class RuleHidingConnection: ForwardingConnection {
    override func execute(_ statement: String, _ values: [SQLValue]) throws -> Int {
        do {
            return try base.execute(statement, values)
        } catch let error as StorageError where error.code.constraintName != nil {
            throw StorageError(.failed, "a rule was violated")
        }
    }
}
