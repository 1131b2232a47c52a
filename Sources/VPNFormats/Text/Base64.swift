/// Base64 text with the standard alphabet and padding (RFC 4648 §4).
public enum Base64 {
    private static let alphabet: [UInt8] = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let padding = UInt8(ascii: "=")

    /// Encodes with padding and without line breaks.
    public static func encode(_ bytes: some Collection<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var group: UInt32 = 0
        var held = 0
        for byte in bytes {
            group = group << 8 | UInt32(byte)
            held += 1
            if held == 3 {
                appendGroup(group, characters: 4, to: &text)
                group = 0
                held = 0
            }
        }
        if held > 0 {
            appendGroup(group << UInt32(8 * (3 - held)), characters: held + 1, to: &text)
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Decodes strictly: no white space, full padding, unused bits zero, so that every value has one text only.
    ///
    /// - Parameters:
    ///   - text: The encoded text.
    ///   - maximumBytes: Longer results are refused before anything is allocated.
    /// - Returns: The bytes, or `nil` if the text is anything else.
    public static func decode(_ text: some StringProtocol, maximumBytes: Int = 65_536) -> [UInt8]? {
        decode(text.utf8, maximumBytes: maximumBytes)
    }

    static func decode(_ text: some Collection<UInt8>, maximumBytes: Int) -> [UInt8]? {
        let count = text.count
        guard count.isMultiple(of: 4), count / 4 <= (maximumBytes + 2) / 3 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count / 4 * 3)
        var group: UInt32 = 0
        var held = 0
        var padded = 0
        for character in text {
            if character == padding {
                padded += 1
                guard padded <= 2 else { return nil }
                group <<= 6
            } else {
                guard padded == 0, let value = value(of: character) else { return nil }
                group = group << 6 | UInt32(value)
            }
            held += 1
            if held == 4 {
                guard appendBytes(of: group, padded: padded, to: &bytes) else { return nil }
                group = 0
                held = 0
            }
        }
        return bytes.count <= maximumBytes ? bytes : nil
    }

    private static func appendGroup(_ group: UInt32, characters: Int, to text: inout [UInt8]) {
        for index in 0..<4 {
            let value = Int(group >> UInt32(18 - 6 * index) & 63)
            text.append(index < characters ? alphabet[value] : padding)
        }
    }

    private static func appendBytes(of group: UInt32, padded: Int, to bytes: inout [UInt8]) -> Bool {
        let octets = [UInt8(group >> 16 & 255), UInt8(group >> 8 & 255), UInt8(group & 255)]
        guard octets.suffix(padded).allSatisfy({ $0 == 0 }) else { return false }
        bytes.append(contentsOf: octets.prefix(3 - padded))
        return true
    }

    private static func value(of character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
