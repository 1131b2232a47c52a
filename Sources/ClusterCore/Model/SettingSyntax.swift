internal import VPNFormats

/// That a text is no value of a setting.
public struct SettingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The setting.
    public var name: String
    /// What is wrong and what would be right.
    public var reason: String

    /// Makes the setting error of its parts, which are explained at the properties.
    public init(name: String, reason: String) {
        self.name = name
        self.reason = reason
    }

    /// One line: the setting and what is wrong with the value.
    public var description: String { "\(name): \(reason)" }
}

/// How the values of one type are written as text, and which of them are allowed.
public struct SettingSyntax<Value: Hashable & Sendable>: Sendable {
    /// What a person may write, in a few words.
    public let explanation: String
    /// The value that a text means, or `nil`.
    let parse: @Sendable (String) -> Value?
    /// The text of a value, in the one form that is stored.
    let print: @Sendable (Value) -> String
}

extension SettingSyntax<Bool> {
    /// `true` or `false`; `yes`, `on`, `no` and `off` are understood.
    public static let boolean = SettingSyntax(
        explanation: "true or false",
        parse: { text in
            switch text.lowercased() {
            case "true", "yes", "on": true
            case "false", "no", "off": false
            default: nil
            }
        },
        print: { $0 ? "true" : "false" })
}

extension SettingSyntax<Int> {
    /// A decimal number within a range.
    public static func number(_ range: ClosedRange<Int>) -> SettingSyntax {
        SettingSyntax(
            explanation: "a number from \(range.lowerBound) to \(range.upperBound)",
            parse: { text in text.utf8.count <= 20 ? Int(text).flatMap { range.contains($0) ? $0 : nil } : nil },
            print: { String($0) })
    }
}

extension SettingSyntax<Duration> {
    /// A number with a unit (`ms`, `s`, `m`, `h`, `d`), within a range; `0` where ``zero`` says so.
    public static func duration(_ range: ClosedRange<Duration>, zero: String? = nil) -> SettingSyntax {
        let (low, high) = (durationText(range.lowerBound), durationText(range.upperBound))
        let bounds = "a time from \(low) to \(high), such as 90s or 24h"
        return SettingSyntax(
            explanation: zero.map { "\(bounds); 0 \($0)" } ?? bounds,
            parse: { text in
                guard let value = parseDuration(text) else { return nil }
                return range.contains(value) || (zero != nil && value == .zero) ? value : nil
            },
            print: durationText)
    }
}

extension SettingSyntax {
    /// One of the cases of an enumeration, by its raw value.
    static func choice() -> SettingSyntax where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
        SettingSyntax(
            explanation: "one of " + Value.allCases.map(\.rawValue).joined(separator: ", "),
            parse: { Value(rawValue: $0) },
            print: { $0.rawValue })
    }

    /// Values separated by commas or spaces, each at most once.
    static func list<Element: Hashable & Sendable>(
        of element: SettingSyntax<Element>, count: ClosedRange<Int>
    ) -> SettingSyntax where Value == [Element] {
        SettingSyntax(
            explanation: "\(count.lowerBound) to \(count.upperBound) of: \(element.explanation); separated by commas",
            parse: { text in
                guard text.utf8.count <= 16_384 else { return nil }
                let parts = text.split { $0 == "," || $0 == " " }.map { element.parse(String($0)) }
                let values = parts.compactMap(\.self)
                let isValid = values.count == parts.count && Set(values).count == values.count
                return isValid && count.contains(values.count) ? values : nil
            },
            print: { $0.map(element.print).joined(separator: ",") })
    }
}

extension SettingSyntax<IPAddress> {
    /// An IPv4 or IPv6 address.
    static let address = SettingSyntax(
        explanation: "an address such as 192.0.2.53 or 2001:db8::53", parse: { IPAddress($0) }, print: { "\($0)" })
}

extension SettingSyntax<IPPrefix> {
    /// An IPv4 or IPv6 network.
    static let network = SettingSyntax(
        explanation: "a network such as 192.0.2.0/24 or 2001:db8::/32", parse: { IPPrefix($0) }, print: { "\($0)" })
}

extension SettingSyntax<String> {
    /// A DNS name, lower-cased, or nothing.
    static let optionalHostname = SettingSyntax(
        explanation: "a DNS name such as vpn.example.com or an address, or nothing",
        parse: { text in
            if text.isEmpty { return "" }
            if let address = IPAddress(text) { return "\(address)" }
            return hostname(text)
        },
        print: { $0 })

    /// A DNS name, lower-cased.
    static let domain = SettingSyntax(
        explanation: "a domain such as example.com", parse: { hostname($0) }, print: { $0 })
}

/// The host name that a text is, in lower case (RFC 1123 §2.1): labels of letters, digits and inner hyphens, the last
/// one not all digits, at most 253 characters; `nil` for anything else. A final dot is dropped.
package func hostname(_ text: String) -> String? {
    let name = (text.hasSuffix(".") ? String(text.dropLast()) : text)
    guard (1...253).contains(name.utf8.count) else { return nil }
    let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    let isValid = labels.allSatisfy { label in
        (1...63).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
            && label.allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: "-") }
    }
    guard isValid, let last = labels.last, !last.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return name.lowercased()
}

private func isLetterOrDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
}

/// The units that durations are written in, largest first, in milliseconds.
private let durationUnits: [(suffix: String, milliseconds: Int64)] = [
    ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
]

private func parseDuration(_ text: String) -> Duration? {
    if text == "0" { return .zero }
    let digits = text.prefix { ("0"..."9").contains($0) }
    let suffix = text.dropFirst(digits.count)
    guard let number = Int64(digits), let unit = durationUnits.first(where: { $0.suffix == suffix }) else { return nil }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit.milliseconds)
    return overflow ? nil : .milliseconds(product)
}

/// The duration in the largest unit that divides it, such as `90s` or `24h`… `1d`; `0` for none.
private func durationText(_ duration: Duration) -> String {
    let milliseconds = duration.wholeMicroseconds / 1000
    guard milliseconds != 0 else { return "0" }
    for unit in durationUnits where milliseconds % unit.milliseconds == 0 {
        return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
    }
    return "\(milliseconds)ms"
}
