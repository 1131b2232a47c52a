/// The version that a client names in `IV_VER`, such as 2.6.14, 2.7_rc1 or 3.8.4.
public struct ClientVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The first number.
    public let major: UInt32
    /// The second number, 0 where there is none.
    public let minor: UInt32
    /// The third number, 0 where there is none.
    public let patch: UInt32

    /// Makes a version of its numbers.
    public init(_ major: UInt32, _ minor: UInt32 = 0, _ patch: UInt32 = 0) {
        self.major = major
        self.minor = minor
        self.patch = patch
    }

    /// Reads the numbers that a text begins with; what follows them does not count.
    ///
    /// - Returns: `nil` if there is no number at its beginning.
    public init?(_ text: String) {
        var numbers: [UInt32] = []
        var rest = text.utf8[...]
        while numbers.count < 3 {
            let digits = rest.prefix(while: { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
            guard digits.count <= 9, let number = UInt32(Substring(digits)) else { break }
            numbers.append(number)
            rest = rest[digits.endIndex...]
            guard rest.first == UInt8(ascii: ".") else { break }
            rest = rest.dropFirst()
        }
        guard let major = numbers.first else { return nil }
        self.init(major, numbers.count > 1 ? numbers[1] : 0, numbers.count > 2 ? numbers[2] : 0)
    }

    /// Compares number by number.
    public static func < (left: ClientVersion, right: ClientVersion) -> Bool {
        (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
    }

    /// The three numbers with dots.
    public var description: String { "\(major).\(minor).\(patch)" }
}
