internal import StorageSQL

/// The types of `pg_type` that the driver speaks of.
enum PostgresType {
    static let boolean: UInt32 = 16
    static let bytea: UInt32 = 17
    static let character: UInt32 = 18
    static let name: UInt32 = 19
    static let int8: UInt32 = 20
    static let int2: UInt32 = 21
    static let int4: UInt32 = 23
    static let text: UInt32 = 25
    static let float4: UInt32 = 700
    static let float8: UInt32 = 701
    static let blankPadded: UInt32 = 1042
    static let varchar: UInt32 = 1043
    static let unknown: UInt32 = 0
}

/// Values as libpq binds them: their types, and the bytes of all of them in one buffer. One serves all statements of a
/// connection, so that binding allocates nothing.
struct PostgresParameters {
    /// A buffer that once was larger than this is not kept.
    private static let keptBytes = 65_536

    /// The type of each value; `unknown` for NULL, whose type the server finds out.
    private(set) var types: [UInt32] = []
    private var offsets: [Int?] = []
    private var lengths: [CInt] = []
    private var formats: [CInt] = []
    private var pointers: [UnsafePointer<CChar>?] = []
    private var bytes: [UInt8] = []

    /// Takes the values of the next statement.
    mutating func load(_ values: [SQLValue]) {
        types.removeAll(keepingCapacity: true)
        offsets.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        formats.removeAll(keepingCapacity: true)
        bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptBytes)
        // An empty value has an address too: without one libpq takes it for NULL.
        bytes.append(0)
        for value in values { append(value) }
    }

    private mutating func append(_ value: SQLValue) {
        let start = bytes.count
        switch value {
        case .null:
            types.append(PostgresType.unknown)
        case .integer(let number):
            types.append(PostgresType.int8)
            withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
        case .real(let number):
            types.append(PostgresType.float8)
            withUnsafeBytes(of: number.bitPattern.bigEndian) { bytes.append(contentsOf: $0) }
        case .text(let text):
            types.append(PostgresType.text)
            bytes.append(contentsOf: text.utf8)
        case .blob(let blob):
            types.append(PostgresType.bytea)
            bytes.append(contentsOf: blob)
        }
        offsets.append(value == .null ? nil : start)
        lengths.append(CInt(clamping: bytes.count - start))
        formats.append(1)
    }

    var count: CInt { CInt(clamping: types.count) }

    /// Calls `body` with what libpq's functions want: addresses, lengths and formats (1: binary).
    mutating func withPointers<T>(
        _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<CInt>?, UnsafePointer<CInt>?) -> T
    ) -> T {
        bytes.withUnsafeBytes { buffer in
            let base = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            pointers.removeAll(keepingCapacity: true)
            for offset in offsets { pointers.append(offset.flatMap { base?.advanced(by: $0) }) }
            return body(pointers, lengths, formats)
        }
    }
}
