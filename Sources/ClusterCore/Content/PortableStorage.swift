/// A store whose content can be carried to another store, or into a backup and back.
///
/// What is carried is the same for all backends: ``ContentTable``s of plain values. Leases, live sessions and the rows
/// of nodes belong to one store and are no part of it. The readers and writers that the bodies of transactions get
/// conform to ``ContentReader`` and ``ContentWriter``.
public protocol PortableStorage: StorageBackend {
    /// The tables that are carried, in the order in which they are loaded.
    var content: [ContentTable] { get }
}

extension PortableStorage {
    /// Runs `body` on one consistent state of the store, as ``StorageBackend/read(_:)`` does.
    ///
    /// The body may be run again from its beginning when a connection is lost. It runs on a thread that may block, so it
    /// may write what it reads to a file that it begins anew.
    public func readContent<T: Sendable>(
        _ body: @escaping @Sendable (any ContentReader) throws -> T
    ) async throws -> T {
        try await read { reader in
            guard let reader = reader as? any ContentReader else { throw Self.notPortable }
            return try body(reader)
        }
    }

    /// Runs `body` in a transaction that may load content, as ``StorageBackend/write(in:_:)`` does.
    ///
    /// - Parameter phase: The phase that the store must be in.
    @discardableResult
    public func writeContent<T: Sendable>(
        in phase: StoreState.Phase, _ body: @escaping @Sendable (any ContentWriter) throws -> T
    ) async throws -> T {
        try await write(in: phase) { writer in
            guard let writer = writer as? any ContentWriter else { throw Self.notPortable }
            return try body(writer)
        }
    }

    private static var notPortable: StorageError {
        StorageError(.misuse, "a backend says that its content can be carried, but its transactions cannot do it")
    }
}

/// One consistent state of a store, table by table.
public protocol ContentReader: StorageReader {
    /// The rows of a table in the order of their keys, compared byte for byte.
    ///
    /// - Parameters:
    ///   - table: One of ``PortableStorage/content``.
    ///   - key: Only rows after this key; `nil` begins with the first.
    /// - Returns: At most ``ContentPage/mostRows`` rows, or fewer with more than ``ContentPage/fullBytes``.
    /// - Throws: ``StorageError``; ``StorageError/Code/malformedRow`` for a value that the table cannot hold.
    func page(of table: ContentTable, after key: [ContentRow.Value]?) throws -> ContentPage

    /// The largest key of a table, or `nil` when it is empty.
    func lastKey(of table: ContentTable) throws -> [ContentRow.Value]?

    /// How many rows a table has.
    func rowCount(of table: ContentTable) throws -> Int

    /// Whether the store holds nothing: no row of a table that is carried, no history, no node.
    func isEmpty() throws -> Bool
}

extension ContentReader {
    /// Reads a table to its end.
    ///
    /// - Parameter body: Gets the pages, in order.
    public func forEachPage(of table: ContentTable, _ body: (ContentPage) throws -> Void) throws {
        var key: [ContentRow.Value]?
        while true {
            let page = try page(of: table, after: key)
            try body(page)
            guard !page.isLast, let last = page.rows.last else { return }
            key = table.key(of: last)
        }
    }

    /// The number and checksum of the rows of a table, read to its end.
    public func sum(of table: ContentTable) throws -> ContentSum {
        var summation = ContentSummation()
        try forEachPage(of: table) { summation.add($0.rows) }
        return summation.sum
    }
}

/// A transaction that may load content.
public protocol ContentWriter: StorageWriter {
    /// The same transaction for reading, table by table.
    var content: any ContentReader { get }

    /// Adds rows to a table.
    ///
    /// - Throws: ``StorageError/Code/malformedRow`` for a row that the table cannot hold;
    ///   ``StorageError/Code/constraint(_:)`` for one that is there.
    func load(_ rows: [ContentRow], into table: ContentTable) throws

    /// Removes the rows with the largest keys, at most as many as a page has, so that what is left is what a load that
    /// was broken off leaves.
    ///
    /// - Returns: How many were removed; 0 when the table is empty.
    func removeLastRows(of table: ContentTable) throws -> Int

    /// Begins a new history after content was loaded: a new lineage whose first revision follows `number`, with one
    /// audit entry that says why.
    ///
    /// - Throws: ``StorageError/Code/constraint(_:)`` `cluster` when the store has a history already.
    func beginLineage(
        _ lineage: LineageID, after number: Int64, by actor: AuditActor, _ action: AuditAction, detail: String
    ) throws
}
