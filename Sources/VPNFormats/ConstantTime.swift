/// Compares two byte strings in a time that depends on their lengths only, never on where they differ.
///
/// - Returns: `true` if both have the same length and the same bytes.
public func constantTimeEquals(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for (a, b) in zip(left, right) {
        difference |= a ^ b
    }
    return difference == 0
}
