// The bytes of rows: for each value a tag, and what the tag asks for. Numbers have their most significant byte first.
//   0 nothing | 1 number: 8 bytes | 2 text: length (4), UTF-8 | 3 bytes: length (4), bytes
extension ContentRow {
    /// Appends the encoded form.
    func encode(into bytes: inout [UInt8]) {
        for value in values {
            switch value {
            case .null:
                bytes.append(0)
            case .integer(let number):
                bytes.append(1)
                bytes.appendBigEndian(number)
            case .text(let text):
                bytes.append(2)
                bytes.appendBigEndian(UInt32(truncatingIfNeeded: text.utf8.count))
                bytes.append(contentsOf: text.utf8)
            case .bytes(let value):
                bytes.append(3)
                bytes.appendBigEndian(UInt32(truncatingIfNeeded: value.count))
                bytes.append(contentsOf: value)
            }
        }
    }

    /// Reads the values of one row.
    ///
    /// - Returns: `nil` when the bytes are not of that form.
    init?(from cursor: inout ByteCursor, columns: Int) {
        values = []
        values.reserveCapacity(columns)
        for _ in 0..<columns {
            guard let value = cursor.value() else { return nil }
            values.append(value)
        }
    }
}

/// Reads bytes from the front; every call gives `nil` when there are too few, and takes none then.
struct ByteCursor {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isAtEnd: Bool { rest.isEmpty }
    var count: Int { rest.count }

    mutating func bytes(_ count: Int) -> [UInt8]? {
        guard count >= 0, count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    mutating func number<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
        guard let bytes = bytes(Number.bitWidth / 8) else { return nil }
        return bytes.reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    /// A length of four bytes, and as many bytes.
    mutating func counted() -> [UInt8]? {
        number(UInt32.self).flatMap { bytes(Int($0)) }
    }

    mutating func value() -> ContentRow.Value? {
        switch number(UInt8.self) {
        case 0: .null
        case 1: number(Int64.self).map { .integer($0) }
        case 2: counted().flatMap { String(validating: $0, as: UTF8.self) }.map { .text($0) }
        case 3: counted().map { .bytes($0) }
        default: nil
        }
    }
}
