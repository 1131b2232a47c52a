internal import CMariaDB
internal import ClusterCore
internal import StorageSQL

/// A prepared statement: binds values and reads rows. Used on its connection's thread, and gone before its connection.
final class MySQLStatement {
    /// Rows are at most a few values of ``ClusterCore/StorageLimits/valueBytes``; longer values are not read.
    private static let valueBytes: UInt = 4 << 20

    private let handle: UnsafeMutablePointer<MYSQL_STMT>

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

    /// Binds the values and runs the statement; what it gives is fetched to this side.
    ///
    /// - Returns: Whether that went well.
    func run(_ values: [SQLValue]) -> Bool {
        let parameters = MySQLParameters(values)
        let isRun = parameters.withBinds { binds in
            (binds == nil || mysql_stmt_bind_param(handle, binds) == 0) && mysql_stmt_execute(handle) == 0
        }
        return isRun && (mysql_stmt_field_count(handle) == 0 || mysql_stmt_store_result(handle) == 0)
    }

    /// Forgets the rows of the last run.
    func reset() { mysql_stmt_free_result(handle) }

    /// Runs `body` for each row.
    ///
    /// - Throws: What `body` threw; ``ClusterCore/StorageError`` with `malformedRow` for a value that no table of ours
    ///   can have, and what the library says.
    func rows(_ body: ([SQLValue]) throws -> Void) throws {
        let count = Int(mysql_stmt_field_count(handle))
        guard count > 0, let metadata = mysql_stmt_result_metadata(handle) else { return }
        defer { mysql_free_result(metadata) }
        let fields = UnsafeBufferPointer(start: mysql_fetch_fields(metadata), count: count)
        let kinds = fields.map { ColumnKind($0) }
        let columns = MySQLColumns(kinds)
        guard mysql_stmt_bind_result(handle, columns.binds) == 0 else { throw failure.error() }
        while true {
            switch mysql_stmt_fetch(handle) {
            case 0, 101:  // MYSQL_DATA_TRUNCATED: every value of variable length, which is fetched by itself.
                try body((0..<count).map { try value(columns, $0, kinds[$0]) })
            case 100:  // MYSQL_NO_DATA
                return
            default:
                throw failure.error()
            }
        }
    }

    private func value(_ columns: MySQLColumns, _ column: Int, _ kind: ColumnKind) throws -> SQLValue {
        if columns.isNull(column) { return .null }
        switch kind {
        case .integer: return .integer(columns.integer(column))
        case .real: return .real(columns.real(column))
        case .text:
            let bytes = try variable(columns, column)
            return String(validating: bytes, as: UTF8.self).map { .text($0) } ?? .blob(bytes)
        case .blob: return .blob(try variable(columns, column))
        }
    }

    private func variable(_ columns: MySQLColumns, _ column: Int) throws -> [UInt8] {
        let length = columns.length(column)
        guard length <= Self.valueBytes else {
            throw StorageError(.malformedRow, "a row is larger than any that asnode writes")
        }
        guard length > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: Int(length))
        var written: UInt = 0
        var isNull: my_bool = 0
        let isFetched = bytes.withUnsafeMutableBytes { buffer in
            var bind = MYSQL_BIND()
            cmariadb_bind(&bind, MYSQL_TYPE_STRING, buffer.baseAddress, length, &written, &isNull)
            return mysql_stmt_fetch_column(handle, &bind, UInt32(column), 0) == 0
        }
        guard isFetched else { throw failure.error() }
        return bytes
    }
}

/// As what a column is read.
enum ColumnKind {
    case integer, real, text, blob

    /// Numbers beyond 64 bits signed, decimals and times come as text.
    init(_ field: MYSQL_FIELD) {
        let isUnsigned = field.flags & UInt32(UNSIGNED_FLAG) != 0
        switch field.type {
        case MYSQL_TYPE_TINY, MYSQL_TYPE_SHORT, MYSQL_TYPE_INT24, MYSQL_TYPE_LONG, MYSQL_TYPE_YEAR: self = .integer
        case MYSQL_TYPE_LONGLONG: self = isUnsigned ? .text : .integer
        case MYSQL_TYPE_FLOAT, MYSQL_TYPE_DOUBLE: self = .real
        case MYSQL_TYPE_VARCHAR, MYSQL_TYPE_VAR_STRING, MYSQL_TYPE_STRING, MYSQL_TYPE_TINY_BLOB,
            MYSQL_TYPE_MEDIUM_BLOB, MYSQL_TYPE_LONG_BLOB, MYSQL_TYPE_BLOB, MYSQL_TYPE_BIT, MYSQL_TYPE_GEOMETRY:
            // Character set 63 is `binary`.
            self = field.charsetnr == 63 ? .blob : .text
        default: self = .text
        }
    }
}
