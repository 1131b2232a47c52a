/// The bytes of hexadecimal digits; white space between them does not count. For literals in tests.
public func bytes(_ hex: String) -> [UInt8] {
    var result: [UInt8] = []
    var high: UInt8?
    for character in hex where !character.isWhitespace {
        guard let value = character.hexDigitValue else { preconditionFailure("not a hexadecimal digit: \(character)") }
        if let first = high {
            result.append(first << 4 | UInt8(value))
            high = nil
        } else {
            high = UInt8(value)
        }
    }
    precondition(high == nil, "an odd number of hexadecimal digits")
    return result
}
