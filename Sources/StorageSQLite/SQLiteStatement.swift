internal import CSQLite
internal import StorageSQL

/// A prepared statement: binds values and reads rows. Used on its connection's thread.
final class SQLiteStatement {
    let handle: OpaquePointer

    init(_ handle: OpaquePointer) { self.handle = handle }

    deinit { sqlite3_finalize(handle) }

    /// Whether it is in the middle of giving rows.
    var isBusy: Bool { sqlite3_stmt_busy(handle) != 0 }

    /// How many values it wants.
    var parameterCount: Int { Int(sqlite3_bind_parameter_count(handle)) }

    /// Binds all values.
    ///
    /// - Returns: `SQLITE_OK` or the code of the first failure.
    func bind(_ values: [SQLValue]) -> CInt {
        for (index, value) in values.enumerated() {
            let code = bind(value, at: CInt(index + 1))
            if code != SQLITE_OK { return code }
        }
        return SQLITE_OK
    }

    /// The columns of the present row.
    func row() -> [SQLValue] {
        (0..<sqlite3_column_count(handle)).map { column in
            switch sqlite3_column_type(handle, column) {
            case SQLITE_INTEGER: .integer(sqlite3_column_int64(handle, column))
            case SQLITE_FLOAT: .real(sqlite3_column_double(handle, column))
            case SQLITE_TEXT: .text(String(decoding: text(column), as: UTF8.self))
            case SQLITE_BLOB: .blob(Array(bytes(column)))
            default: .null
            }
        }
    }

    /// Makes it ready for another run and forgets the values.
    func reset() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    private func bind(_ value: SQLValue, at index: CInt) -> CInt {
        switch value {
        case .null: return sqlite3_bind_null(handle, index)
        case .integer(let number): return sqlite3_bind_int64(handle, index, number)
        case .real(let number): return sqlite3_bind_double(handle, index, number)
        case .text(var text):
            return text.withUTF8 { buffer in
                buffer.withMemoryRebound(to: CChar.self) { characters in
                    // An empty buffer may have no address, and that would bind NULL.
                    guard let start = characters.baseAddress, characters.count > 0 else {
                        return sqlite3_bind_text(handle, index, "", 0, csqlite_transient())
                    }
                    return sqlite3_bind_text64(
                        handle, index, start, UInt64(characters.count), csqlite_transient(), UInt8(SQLITE_UTF8))
                }
            }
        case .blob(let bytes):
            return bytes.withUnsafeBytes { buffer in
                guard let start = buffer.baseAddress, buffer.count > 0 else {
                    return sqlite3_bind_zeroblob(handle, index, 0)
                }
                return sqlite3_bind_blob64(handle, index, start, UInt64(buffer.count), csqlite_transient())
            }
        }
    }

    private func text(_ column: CInt) -> UnsafeBufferPointer<UInt8> {
        // The pointer first: reading it may convert, and only then is the count that of what it points at.
        let start = sqlite3_column_text(handle, column)
        return UnsafeBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_column_bytes(handle, column)))
    }

    private func bytes(_ column: CInt) -> UnsafeRawBufferPointer {
        let start = sqlite3_column_blob(handle, column)
        return UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_column_bytes(handle, column)))
    }
}
