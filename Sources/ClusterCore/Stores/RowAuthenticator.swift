/// Authenticates rows that decide who gets in, under a key that the database does not know.
///
/// A store passes what a row says, in a canonical form, and keeps the code beside it; when it reads the row, it passes
/// both. Someone who can write the database but has no key can remove rows or put old ones back, but cannot make any.
public protocol RowAuthenticator: Sendable {
    /// The authentication code of a row, 1 to 128 bytes, beginning with whatever names the key.
    func code(for row: AuthenticatedRow) -> [UInt8]
    /// Whether a code is that of a row, compared in constant time; `false` for a code of any other form.
    func isValid(_ code: [UInt8], for row: AuthenticatedRow) -> Bool
}

/// What a row says, as bytes that no other row has.
public struct AuthenticatedRow: Hashable, Sendable {
    /// One column's value.
    public enum Field: Hashable, Sendable {
        /// No value.
        case null
        /// A number.
        case integer(Int64)
        /// Text.
        case text(String)
        /// Bytes.
        case bytes([UInt8])
    }

    /// The canonical form: the table's name and each field, tagged with its type and preceded by its length.
    public let bytes: [UInt8]

    /// - Parameters:
    ///   - table: The table.
    ///   - fields: The row's key and all that is to be protected, in a fixed order.
    public init(table: String, fields: [Field]) {
        var bytes: [UInt8] = []
        Self.append(tag: 0, Array(table.utf8), to: &bytes)
        for field in fields {
            switch field {
            case .null: Self.append(tag: 1, [], to: &bytes)
            case .integer(let number):
                let unsigned = UInt64(bitPattern: number)
                Self.append(tag: 2, Self.bigEndian(unsigned), to: &bytes)
            case .text(let text): Self.append(tag: 3, Array(text.utf8), to: &bytes)
            case .bytes(let value): Self.append(tag: 4, value, to: &bytes)
            }
        }
        self.bytes = bytes
    }

    private static func append(tag: UInt8, _ value: [UInt8], to bytes: inout [UInt8]) {
        let count = UInt64(value.count)
        bytes.append(tag)
        bytes += Self.bigEndian(count)
        bytes += value
    }

    private static func bigEndian(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) }
    }
}
