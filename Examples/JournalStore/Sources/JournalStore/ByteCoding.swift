internal import ClusterCore

/// Writes values one after the other, in a form that says nothing of their types: who reads has to know the order.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    mutating func write(_ number: Int64) {
        let unsigned = UInt64(bitPattern: number)
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: unsigned >> UInt64(shift)))
        }
    }

    mutating func write(_ value: Bool) { bytes.append(value ? 1 : 0) }

    mutating func write(_ value: [UInt8]) {
        write(Int64(value.count))
        bytes += value
    }

    mutating func write(_ text: String) { write(Array(text.utf8)) }
    mutating func write(_ time: Timestamp) { write(time.microseconds) }
    mutating func write<Subject>(_ id: Identifier<Subject>) { bytes += id.bytes }

    mutating func write<Value>(_ value: Value?, _ body: (inout ByteWriter, Value) -> Void) {
        write(value != nil)
        if let value { body(&self, value) }
    }
}

/// Reads what a ``ByteWriter`` wrote. Whatever the bytes are, it ends with a value or an error.
struct ByteReader {
    /// That the bytes are nothing that was written.
    struct Malformed: Error {}

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        guard count >= 0, count <= rest.count else { throw Malformed() }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func number() throws -> Int64 {
        Int64(bitPattern: try take(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }

    mutating func bool() throws -> Bool {
        switch try take(1).first {
        case 0: false
        case 1: true
        default: throw Malformed()
        }
    }

    mutating func data() throws -> [UInt8] {
        guard let count = Int(exactly: try number()) else { throw Malformed() }
        return Array(try take(count))
    }

    mutating func text() throws -> String {
        guard let text = String(validating: try data(), as: UTF8.self) else { throw Malformed() }
        return text
    }

    mutating func time() throws -> Timestamp { Timestamp(microseconds: try number()) }

    mutating func id<Subject>() throws -> Identifier<Subject> { try some(Identifier(bytes: try take(16))) }

    mutating func optional<Value>(_ body: (inout ByteReader) throws -> Value) throws -> Value? {
        try bool() ? try body(&self) : nil
    }

    /// A value that not all bytes are one of.
    func some<Value>(_ value: Value?) throws -> Value {
        guard let value else { throw Malformed() }
        return value
    }
}
