/// A value that is bound to a statement or read from a column.
public enum SQLValue: Hashable, Sendable {
    /// SQL's NULL.
    case null
    /// A signed 64-bit number; also booleans (0 and 1) and times (microseconds since 1970 UTC).
    case integer(Int64)
    /// A floating-point number; no column of ours has one, but a foreign row may.
    case real(Double)
    /// UTF-8 text, compared byte for byte.
    case text(String)
    /// Bytes.
    case blob([UInt8])

    /// An optional number, NULL for `nil`.
    public static func integer(_ number: Int64?) -> SQLValue { number.map { .integer($0) } ?? .null }
    /// An optional text, NULL for `nil`.
    public static func text(_ text: String?) -> SQLValue { text.map { .text($0) } ?? .null }
    /// Optional bytes, NULL for `nil`.
    public static func blob(_ bytes: [UInt8]?) -> SQLValue { bytes.map { .blob($0) } ?? .null }
    /// A boolean as 0 or 1.
    public static func boolean(_ value: Bool) -> SQLValue { .integer(value ? 1 : 0) }
}

extension SQLValue: CustomStringConvertible {
    /// The type, never the value: values may be secrets.
    public var description: String {
        switch self {
        case .null: "null"
        case .integer: "integer"
        case .real: "real"
        case .text: "text"
        case .blob: "blob"
        }
    }
}
