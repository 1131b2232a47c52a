internal import StorageSQL

/// Values as libpq binds them: their types, and the bytes of all of them in one buffer.
struct PostgresParameters {
    /// The types of `pg_type` that the driver speaks of.
    enum TypeID {
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

    /// The type of each value; `unknown` for NULL, whose type the server finds out.
    private(set) var types: [UInt32] = []
    private var ranges: [Range<Int>?] = []
    // An empty value has an address too: without one libpq takes it for NULL.
    private var bytes: [UInt8] = [0]

    init(_ values: [SQLValue]) {
        for value in values { append(value) }
    }

    private mutating func append(_ value: SQLValue) {
        let start = bytes.count
        switch value {
        case .null:
            types.append(TypeID.unknown)
            ranges.append(nil)
            return
        case .integer(let number):
            types.append(TypeID.int8)
            withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
        case .real(let number):
            types.append(TypeID.float8)
            withUnsafeBytes(of: number.bitPattern.bigEndian) { bytes.append(contentsOf: $0) }
        case .text(let text):
            types.append(TypeID.text)
            bytes.append(contentsOf: text.utf8)
        case .blob(let blob):
            types.append(TypeID.bytea)
            bytes.append(contentsOf: blob)
        }
        ranges.append(start..<bytes.count)
    }

    var count: CInt { CInt(clamping: types.count) }

    /// Calls `body` with what libpq's functions want: addresses, lengths and formats (1: binary).
    func withPointers<T>(
        _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<CInt>?, UnsafePointer<CInt>?) -> T
    ) -> T {
        let lengths = ranges.map { CInt(clamping: $0?.count ?? 0) }
        let formats = [CInt](repeating: 1, count: ranges.count)
        return bytes.withUnsafeBytes { buffer in
            let base = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            let pointers = ranges.map { range in range.flatMap { base?.advanced(by: $0.lowerBound) } }
            return pointers.withUnsafeBufferPointer { pointers in
                lengths.withUnsafeBufferPointer { lengths in
                    formats.withUnsafeBufferPointer { formats in
                        body(pointers.baseAddress, lengths.baseAddress, formats.baseAddress)
                    }
                }
            }
        }
    }
}
