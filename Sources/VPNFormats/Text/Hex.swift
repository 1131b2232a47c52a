/// Hexadecimal text (RFC 4648 §8).
public enum Hex {
    private static let digits: [UInt8] = Array("0123456789abcdef".utf8)

    /// Lower-case hexadecimal digits, two for each byte, without separators.
    public static func encode(_ bytes: some Collection<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Decodes hexadecimal digits of either case.
    ///
    /// - Parameters:
    ///   - text: Digits only, an even number of them.
    ///   - maximumBytes: Longer results are refused before anything is allocated.
    /// - Returns: The bytes, or `nil` if the text is anything else.
    public static func decode(_ text: some StringProtocol, maximumBytes: Int = 65_536) -> [UInt8]? {
        decode(text.utf8, maximumBytes: maximumBytes)
    }

    static func decode(_ text: some Collection<UInt8>, maximumBytes: Int) -> [UInt8]? {
        let count = text.count
        guard count.isMultiple(of: 2), count / 2 <= maximumBytes else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count / 2)
        var high: UInt8?
        for character in text {
            guard let value = value(of: character) else { return nil }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return bytes
    }

    private static func value(of character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
