internal import CMariaDB
internal import ClusterCore
internal import StorageSQL

/// A prepared statement: binds values and reads rows. Used on its connection's thread, and gone before its connection.
final class MySQLStatement {
    /// Rows are at most a few values of ``ClusterCore/StorageLimits/valueBytes``; longer values are not read.
    private static let valueBytes = 4 << 20

    private let handle: UnsafeMutablePointer<MYSQL_STMT>
    /// When it was last run, for the cache.
    var lastUse: UInt64 = 0

    init(_ handle: UnsafeMutablePointer<MYSQL_STMT>) { self.handle = handle }

    deinit { mysql_stmt_close(handle) }

    var failure: MySQLFailure { MySQLFailure(statement: handle) }

    /// Prepares the text.
    ///
    /// - Returns: Whether that went well.
    func prepare(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { buffer in
            buffer.withMemoryRebound(to: CChar.self) {
                mysql_stmt_prepare(handle, $0.baseAddress, UInt($0.count)) == 0
            }
        }
    }

    /// How many values it wants.
    var parameterCount: Int { Int(mysql_stmt_param_count(handle)) }

    /// How many rows the last run inserted, found for an update, or deleted.
    var changedRows: Int {
        let count = mysql_stmt_affected_rows(handle)
        return count == .max ? 0 : Int(clamping: count)
    }

    /// Binds the values and sends the statement.
    ///
    /// - Returns: Whether that went well.
    func send(
        _ values: [SQLValue], _ parameters: MySQLParameters, on connection: UnsafeMutablePointer<MYSQL>
    ) -> Bool {
        parameters.withBinds(of: values) { binds in
            (binds == nil || mysql_stmt_bind_param(handle, binds) == 0)
                && cmariadb_send_execute(connection, handle) == 0
        }
    }

    /// Reads the answer to what was sent. Its rows are read as they come.
    ///
    /// - Returns: Whether the server ran it.
    func receive(on connection: UnsafeMutablePointer<MYSQL>) -> Bool {
        cmariadb_read_execute(connection, handle) == 0
    }

    /// Forgets the rows of the last run that were not read.
    func reset() { mysql_stmt_free_result(handle) }

    /// What became of reading a row.
    enum Fetch {
        case row([SQLValue])
        case end
        case failed
    }

    /// Gets ready to read the rows of the last run.
    ///
    /// - Returns: Whether that went well.
    func bind(_ columns: MySQLColumns) -> Bool {
        let count = Int(mysql_stmt_field_count(handle))
        columns.describe(handle, count: count)
        return count == 0 || mysql_stmt_bind_result(handle, columns.binds) == 0
    }

    /// The next row.
    ///
    /// - Throws: ``ClusterCore/StorageError`` with `malformedRow` for a value that no table of ours can have.
    func fetch(_ columns: MySQLColumns) throws -> Fetch {
        guard !columns.kinds.isEmpty else { return .end }
        switch mysql_stmt_fetch(handle) {
        case 0, 101:  // MYSQL_DATA_TRUNCATED: a value that is longer than its cell, which is fetched by itself.
            var row: [SQLValue] = []
            row.reserveCapacity(columns.kinds.count)
            for index in columns.kinds.indices {
                guard let value = try value(columns, index) else { return .failed }
                row.append(value)
            }
            return .row(row)
        case 100: return .end  // MYSQL_NO_DATA
        default: return .failed
        }
    }

    private func value(_ columns: MySQLColumns, _ column: Int) throws -> SQLValue? {
        if columns.isNull(column) { return .null }
        let isLong = columns.length(column) > MySQLColumns.shortBytes
        switch columns.kinds[column] {
        case .integer: return .integer(columns.integer(column))
        case .real: return .real(columns.real(column))
        case .text:
            if isLong { return try long(columns, column).map { Self.text($0) } }
            let bytes = columns.bytes(column)
            return String(validating: bytes, as: UTF8.self).map { .text($0) } ?? .blob(Array(bytes))
        case .blob:
            if isLong { return try long(columns, column).map { .blob($0) } }
            return .blob(Array(columns.bytes(column)))
        }
    }

    private static func text(_ bytes: [UInt8]) -> SQLValue {
        String(validating: bytes, as: UTF8.self).map { .text($0) } ?? .blob(bytes)
    }

    /// A value that did not fit its cell, by its length; `nil` when the library fails.
    private func long(_ columns: MySQLColumns, _ column: Int) throws -> [UInt8]? {
        let length = columns.length(column)
        guard length <= Self.valueBytes else {
            throw StorageError(.malformedRow, "a row is larger than any that asnode writes")
        }
        var isFetched = false
        let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            isFetched = fetch(column, into: buffer.baseAddress, length)
            count = isFetched ? length : 0
        }
        return isFetched ? bytes : nil
    }

    private func fetch(_ column: Int, into target: UnsafeMutablePointer<UInt8>?, _ length: Int) -> Bool {
        var bind = MYSQL_BIND()
        var written: UInt = 0
        var isNull: my_bool = 0
        let failed = withUnsafeMutablePointer(to: &written) { written in
            withUnsafeMutablePointer(to: &isNull) { isNull in
                cmariadb_bind(&bind, MYSQL_TYPE_STRING, target, UInt(length), written, isNull)
                return mysql_stmt_fetch_column(handle, &bind, UInt32(column), 0)
            }
        }
        return failed == 0 && written == UInt(length)
    }
}

/// The prepared statements of a connection, of which the one that was not used for longest makes room for another.
struct MySQLStatementCache {
    private static let capacity = 256
    private var statements: [String: MySQLStatement] = [:]
    private var clock: UInt64 = 0

    /// A statement that was prepared before.
    mutating func statement(_ text: String) -> MySQLStatement? {
        guard let statement = statements[text] else { return nil }
        clock += 1
        statement.lastUse = clock
        return statement
    }

    /// Keeps a statement.
    mutating func keep(_ statement: MySQLStatement, _ text: String) {
        if statements.count >= Self.capacity, let oldest = statements.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            statements[oldest.key] = nil
        }
        clock += 1
        statement.lastUse = clock
        statements[text] = statement
    }

    /// Forgets all.
    mutating func removeAll() { statements = [:] }
}
