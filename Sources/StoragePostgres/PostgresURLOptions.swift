internal import ClusterCore

/// The options of a URL that are not libpq's, and the URL without them.
struct PostgresURLOptions {
    private static let names: Set<Substring> = [
        "prepared-statements", "load_balance_hosts", "password-file", "password-command",
    ]

    private(set) var rest: String
    private var values: [Substring: String] = [:]

    /// - Throws: ``ClusterCore/StorageError`` with `invalid` for a NUL, an option that is there twice, or a broken `%XX`.
    init(_ url: String) throws {
        guard !url.utf8.contains(0) else { throw PostgresAddress.invalid("it has a NUL in it") }
        rest = url
        guard let mark = url.firstIndex(of: "?") else { return }
        var others: [Substring] = []
        for option in url[url.index(after: mark)...].split(separator: "&") {
            let name = option.prefix { $0 != "=" }
            guard Self.names.contains(name), name.endIndex != option.endIndex else {
                others.append(option)
                continue
            }
            guard let value = Self.decoded(option[name.endIndex...].dropFirst()), values[name] == nil else {
                throw PostgresAddress.invalid("\(name) is there twice or cannot be read")
            }
            values[name] = value
        }
        rest = url[..<mark] + (others.isEmpty ? "" : "?" + others.joined(separator: "&"))
    }

    /// The value of an option, which is taken out.
    mutating func take(_ name: Substring) -> String? { values.removeValue(forKey: name) }

    /// The value of an option that has a few.
    mutating func choice(_ name: Substring, _ choices: [String]) throws -> String? {
        guard let value = take(name) else { return nil }
        guard choices.contains(value) else {
            throw PostgresAddress.invalid("\(name) is \(choices.joined(separator: " or "))")
        }
        return value
    }

    /// The text with each `%XX` replaced; `nil` when one is broken, gives a NUL, or the whole is not UTF-8.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit),
                high | low != 0
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        Character(UnicodeScalar(byte)).hexDigitValue.flatMap { UInt8(exactly: $0) }
    }
}
