internal import CPostgres
internal import ClusterCore
internal import StorageSQL

/// What a statement gave; frees itself.
final class PostgresResult {
    /// Rows are at most a few values of ``ClusterCore/StorageLimits/valueBytes``; longer values are not read.
    private static let valueBytes: CInt = 4 << 20

    let handle: OpaquePointer

    init(_ handle: OpaquePointer) { self.handle = handle }

    deinit { PQclear(handle) }

    var isError: Bool {
        let status = PQresultStatus(handle)
        return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY
            && status != PGRES_SINGLE_TUPLE && status != PGRES_PIPELINE_SYNC
    }

    /// Whether it is one row of a statement that gives more.
    var isRow: Bool { PQresultStatus(handle) == PGRES_SINGLE_TUPLE }

    /// Whether it is the end of a flight.
    var isEnd: Bool { PQresultStatus(handle) == PGRES_PIPELINE_SYNC }

    /// How many rows were inserted, updated or deleted.
    var changedRows: Int {
        PQcmdTuples(handle).flatMap { Int(String(cString: $0)) } ?? 0
    }

    /// The command that the server says it ran.
    var command: String { PQcmdStatus(handle).map { String(cString: $0) } ?? "" }

    /// The values of the first row.
    ///
    /// - Throws: ``ClusterCore/StorageError`` with `malformedRow` for a value that no table of ours can have.
    func row() throws -> [SQLValue] {
        try (0..<PQnfields(handle)).map { column in
            guard PQgetisnull(handle, 0, column) == 0 else { return .null }
            let length = PQgetlength(handle, 0, column)
            guard length <= Self.valueBytes, let start = PQgetvalue(handle, 0, column) else {
                throw StorageError(.malformedRow, "a row is larger than any that asnode writes")
            }
            let bytes = UnsafeRawBufferPointer(start: start, count: Int(length))
            return value(bytes, type: PQftype(handle, column))
        }
    }

    /// A value in the binary form of its type. Types that no table of ours has come as the bytes that they are.
    private func value(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> SQLValue {
        switch type {
        case PostgresType.int8, PostgresType.int4, PostgresType.int2, PostgresType.boolean:
            return integer(bytes).map { .integer($0) } ?? .blob(Array(bytes))
        case PostgresType.float8 where bytes.count == 8:
            return .real(Double(bitPattern: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))))
        case PostgresType.float4 where bytes.count == 4:
            return .real(Double(Float(bitPattern: UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)))))
        case PostgresType.text, PostgresType.varchar, PostgresType.name, PostgresType.blankPadded,
            PostgresType.character:
            return String(validating: bytes, as: UTF8.self).map { .text($0) } ?? .blob(Array(bytes))
        default:
            return .blob(Array(bytes))
        }
    }

    private func integer(_ bytes: UnsafeRawBufferPointer) -> Int64? {
        switch bytes.count {
        case 8: Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
        case 4: Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
        case 2: Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self)))
        case 1: Int64(bytes[0])
        default: nil
        }
    }
}
