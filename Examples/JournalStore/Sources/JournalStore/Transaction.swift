internal import ClusterCore

/// One transaction: the tables as it sees them, and what it did to them. Used on one thread.
final class Transaction {
    private(set) var tables: Tables
    private(set) var rows: [Row] = []
    let time: Timestamp
    private var isOpen = true
    private var failure: (any Error)?
    var isChanging = false

    init(_ tables: Tables, time: Timestamp) {
        self.tables = tables
        self.time = time
    }

    /// Reads the tables.
    func reading() throws -> Tables {
        guard isOpen else { throw StorageError(.misuse, "a store was used after its transaction had ended") }
        if let failure { throw failure }
        return tables
    }

    /// Runs a call that writes; when it fails, the transaction is lost, since half of a batch may have been written.
    func writing<T>(_ body: (Tables) throws -> T) throws -> T {
        let tables = try reading()
        do {
            return try body(tables)
        } catch {
            poison(error)
            throw error
        }
    }

    func put(_ row: Row) {
        tables.apply(row)
        rows.append(row)
    }

    func poison(_ error: any Error) {
        if failure == nil { failure = error }
    }

    /// Ends the use of the transaction and says what is to be committed.
    func finish() throws -> [Row] {
        defer { isOpen = false }
        if let failure { throw failure }
        return rows
    }

    func end() { isOpen = false }

    static func checked(_ limit: Int, maximum: Int) throws -> Int {
        guard (1...maximum).contains(limit) else {
            throw StorageError(.misuse, "a limit of \(limit) rows is not between 1 and \(maximum)")
        }
        return limit
    }

    /// The part of a list that comes after a position.
    static func page<Value, Position: Hashable>(
        of values: some Collection<Value>, after position: Position?, limit: Int,
        at key: (Value) -> Position, by precedes: (Position, Position) -> Bool
    ) throws -> Page<Value, Position> {
        let limit = try checked(limit, maximum: StorageLimits.pageRows)
        let rest = values.filter { value in position.map { precedes($0, key(value)) } ?? true }
        let sorted = rest.sorted { precedes(key($0), key($1)) }
        let rows = Array(sorted.prefix(limit))
        return Page(rows: rows, next: sorted.count > limit ? rows.last.map(key) : nil)
    }
}

extension [UInt8] {
    func precedes(_ other: [UInt8]) -> Bool { lexicographicallyPrecedes(other) }
}

extension StorageError {
    static func rule(_ name: String) -> StorageError {
        StorageError(.constraint(name), "there is one with the same \(name) already")
    }

    static func missing(_ what: String) -> StorageError { StorageError(.notFound, "the cluster has no such \(what)") }

    static func outdated(_ what: String) -> StorageError {
        StorageError(.outdated, "the \(what) was written by someone else meanwhile")
    }
}
