internal import CMariaDB
internal import StorageSQL

/// Values as libmariadb binds them: the bytes of all of them in one buffer. One for all statements of a connection, so
/// that running a statement allocates nothing.
final class MySQLParameters {
    /// More is given back after the statement.
    private static let keptBytes = 64 << 10

    private var binds: [MYSQL_BIND] = []
    private var lengths: [UInt] = []
    private var bytes: UnsafeMutableRawBufferPointer = .allocate(byteCount: 1024, alignment: 16)

    deinit { bytes.deallocate() }

    /// Calls `body` with the descriptions of the values; with `nil` when there are none.
    func withBinds<T>(of values: [SQLValue], _ body: (UnsafeMutablePointer<MYSQL_BIND>?) -> T) -> T {
        guard !values.isEmpty else { return body(nil) }
        reserve(values)
        defer { shrink() }
        return lengths.withUnsafeMutableBufferPointer { lengths in
            binds.withUnsafeMutableBufferPointer { binds in
                var offset = 0
                for (index, value) in values.enumerated() {
                    let (type, count) = copy(value, to: offset)
                    lengths[index] = UInt(count)
                    cmariadb_bind(
                        binds.baseAddress?.advanced(by: index), type, bytes.baseAddress?.advanced(by: offset),
                        UInt(count), lengths.baseAddress?.advanced(by: index), nil)
                    offset += count
                }
                return body(binds.baseAddress)
            }
        }
    }

    private func reserve(_ values: [SQLValue]) {
        if binds.count < values.count {
            binds = Array(repeating: MYSQL_BIND(), count: values.count)
            lengths = Array(repeating: 0, count: values.count)
        }
        // An empty value at the end has an address too.
        let needed = values.reduce(1) { $0 + Self.byteCount($1) }
        guard needed > bytes.count else { return }
        bytes.deallocate()
        bytes = .allocate(byteCount: Swift.max(needed, bytes.count * 2), alignment: 16)
    }

    private func shrink() {
        guard bytes.count > Self.keptBytes else { return }
        bytes.deallocate()
        bytes = .allocate(byteCount: 1024, alignment: 16)
    }

    private static func byteCount(_ value: SQLValue) -> Int {
        switch value {
        case .null: 0
        case .integer, .real: 8
        case .text(let text): text.utf8.count
        case .blob(let blob): blob.count
        }
    }

    private func copy(_ value: SQLValue, to offset: Int) -> (enum_field_types, Int) {
        let target = UnsafeMutableRawBufferPointer(rebasing: bytes[offset...])
        switch value {
        case .null:
            return (MYSQL_TYPE_NULL, 0)
        case .integer(let number):
            target.storeBytes(of: number, as: Int64.self)
            return (MYSQL_TYPE_LONGLONG, 8)
        case .real(let number):
            target.storeBytes(of: number, as: Double.self)
            return (MYSQL_TYPE_DOUBLE, 8)
        case .text(var text):
            return (MYSQL_TYPE_STRING, text.withUTF8 { Self.copy(UnsafeRawBufferPointer($0), to: target) })
        case .blob(let blob):
            return (MYSQL_TYPE_BLOB, blob.withUnsafeBytes { Self.copy($0, to: target) })
        }
    }

    private static func copy(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer) -> Int {
        target.copyMemory(from: source)
        return source.count
    }
}

/// Where the columns of a row are written: numbers and short values at once, the lengths of longer ones. One for all
/// statements of a connection.
final class MySQLColumns {
    /// Longer values are fetched by themselves.
    static let shortBytes = 256

    private(set) var kinds: [MySQLColumnKind] = []
    private(set) var binds: UnsafeMutablePointer<MYSQL_BIND>
    private var cells: UnsafeMutableRawPointer
    private var lengths: UnsafeMutablePointer<UInt>
    private var nulls: UnsafeMutablePointer<my_bool>
    private var capacity = 0

    init() {
        binds = .allocate(capacity: 0)
        cells = .allocate(byteCount: 0, alignment: 8)
        lengths = .allocate(capacity: 0)
        nulls = .allocate(capacity: 0)
        makeRoom(for: 8)
    }

    deinit { deallocate() }

    /// Gets ready for the rows of a statement.
    func describe(_ statement: UnsafeMutablePointer<MYSQL_STMT>, count: Int) {
        if count > capacity { makeRoom(for: count) }
        kinds.removeAll(keepingCapacity: true)
        for index in 0..<count {
            let kind = cmariadb_field(statement, UInt32(index)).map { MySQLColumnKind($0.pointee) } ?? .blob
            kinds.append(kind)
            let (type, size) = kind.cell
            cmariadb_bind(binds + index, type, cells + index * Self.shortBytes, size, lengths + index, nulls + index)
        }
    }

    func isNull(_ column: Int) -> Bool { nulls[column] != 0 }
    func integer(_ column: Int) -> Int64 { cells.load(fromByteOffset: column * Self.shortBytes, as: Int64.self) }
    func real(_ column: Int) -> Double { cells.load(fromByteOffset: column * Self.shortBytes, as: Double.self) }
    func length(_ column: Int) -> Int { Int(clamping: lengths[column]) }

    /// The bytes of a value that is not longer than ``shortBytes``.
    func bytes(_ column: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: cells + column * Self.shortBytes, count: length(column))
    }

    private func makeRoom(for count: Int) {
        deallocate()
        capacity = count
        binds = .allocate(capacity: count)
        cells = .allocate(byteCount: count * Self.shortBytes, alignment: 8)
        cells.initializeMemory(as: UInt8.self, repeating: 0, count: count * Self.shortBytes)
        lengths = .allocate(capacity: count)
        lengths.initialize(repeating: 0, count: count)
        nulls = .allocate(capacity: count)
        nulls.initialize(repeating: 0, count: count)
    }

    private func deallocate() {
        binds.deallocate()
        cells.deallocate()
        lengths.deallocate()
        nulls.deallocate()
    }
}

/// As what a column is read.
enum MySQLColumnKind {
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

    /// The type that libmariadb is asked for, and how many bytes of it are taken at once.
    var cell: (enum_field_types, UInt) {
        switch self {
        case .integer: (MYSQL_TYPE_LONGLONG, 8)
        case .real: (MYSQL_TYPE_DOUBLE, 8)
        case .text, .blob: (MYSQL_TYPE_STRING, UInt(MySQLColumns.shortBytes))
        }
    }
}
