internal import CMariaDB
internal import StorageSQL

/// Values as libmariadb binds them: the bytes of all of them in one buffer.
struct MySQLParameters {
    private var types: [enum_field_types] = []
    private var ranges: [Range<Int>] = []
    // An empty value has an address too.
    private var bytes: [UInt8] = [0]

    init(_ values: [SQLValue]) {
        for value in values { append(value) }
    }

    private mutating func append(_ value: SQLValue) {
        let start = bytes.count
        switch value {
        case .null:
            types.append(MYSQL_TYPE_NULL)
        case .integer(let number):
            types.append(MYSQL_TYPE_LONGLONG)
            withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
        case .real(let number):
            types.append(MYSQL_TYPE_DOUBLE)
            withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
        case .text(let text):
            types.append(MYSQL_TYPE_STRING)
            bytes.append(contentsOf: text.utf8)
        case .blob(let blob):
            types.append(MYSQL_TYPE_BLOB)
            bytes.append(contentsOf: blob)
        }
        ranges.append(start..<bytes.count)
    }

    /// Calls `body` with the descriptions of all values; with `nil` when there are none.
    func withBinds<T>(_ body: (UnsafeMutablePointer<MYSQL_BIND>?) -> T) -> T {
        guard !types.isEmpty else { return body(nil) }
        var bytes = bytes
        var lengths = ranges.map { UInt($0.count) }
        var binds = [MYSQL_BIND](repeating: MYSQL_BIND(), count: types.count)
        return bytes.withUnsafeMutableBytes { buffer in
            lengths.withUnsafeMutableBufferPointer { lengths in
                binds.withUnsafeMutableBufferPointer { binds in
                    for index in types.indices {
                        cmariadb_bind(
                            binds.baseAddress?.advanced(by: index), types[index],
                            buffer.baseAddress?.advanced(by: ranges[index].lowerBound), UInt(ranges[index].count),
                            lengths.baseAddress?.advanced(by: index), nil)
                    }
                    return body(binds.baseAddress)
                }
            }
        }
    }
}

/// Where the columns of a row are written: numbers at once, the lengths of everything else.
final class MySQLColumns {
    let binds: UnsafeMutablePointer<MYSQL_BIND>
    private let cells: UnsafeMutablePointer<Int64>
    private let lengths: UnsafeMutablePointer<UInt>
    private let nulls: UnsafeMutablePointer<my_bool>

    init(_ kinds: [ColumnKind]) {
        binds = .allocate(capacity: kinds.count)
        cells = .allocate(capacity: kinds.count)
        lengths = .allocate(capacity: kinds.count)
        nulls = .allocate(capacity: kinds.count)
        cells.initialize(repeating: 0, count: kinds.count)
        lengths.initialize(repeating: 0, count: kinds.count)
        nulls.initialize(repeating: 0, count: kinds.count)
        for (index, kind) in kinds.enumerated() {
            let type: enum_field_types
            let size: UInt
            switch kind {
            case .integer: (type, size) = (MYSQL_TYPE_LONGLONG, 8)
            case .real: (type, size) = (MYSQL_TYPE_DOUBLE, 8)
            case .text, .blob: (type, size) = (MYSQL_TYPE_STRING, 0)
            }
            cmariadb_bind(binds + index, type, cells + index, size, lengths + index, nulls + index)
        }
    }

    deinit {
        binds.deallocate()
        cells.deallocate()
        lengths.deallocate()
        nulls.deallocate()
    }

    func isNull(_ column: Int) -> Bool { nulls[column] != 0 }
    func integer(_ column: Int) -> Int64 { cells[column] }
    func real(_ column: Int) -> Double { Double(bitPattern: UInt64(bitPattern: cells[column])) }
    func length(_ column: Int) -> UInt { lengths[column] }
}
