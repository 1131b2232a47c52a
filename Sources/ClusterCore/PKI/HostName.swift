/// A DNS host name as profiles and certificates may carry it: 1…253 bytes, labels of 1…63 ASCII letters, digits and
/// `-`, not at their ends (RFC 1123 §2.1), the last of them not all digits. International names are given in their
/// `xn--` form.
public struct HostName: Hashable, Sendable, CustomStringConvertible {
    /// The name, as it was given.
    public let description: String

    /// Checks a name; nil when it is none, an IP address among others.
    public init?(_ text: some StringProtocol) {
        guard (1...253).contains(text.utf8.count) else { return nil }
        let labels = Array(text.utf8).split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard labels.allSatisfy({ Self.isLabel(Array($0)) }), let last = labels.last,
            !last.allSatisfy({ Self.isDigit($0) })
        else { return nil }
        description = String(text)
    }

    private static func isLabel(_ bytes: [UInt8]) -> Bool {
        guard (1...63).contains(bytes.count), bytes.first != UInt8(ascii: "-"), bytes.last != UInt8(ascii: "-") else {
            return false
        }
        return bytes.allSatisfy { isDigit($0) || isLetter($0) || $0 == UInt8(ascii: "-") }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
