import Foundation

/// The names that certificates carry.
enum CertificateNames {
    /// The most characters of a common name (RFC 5280, ub-common-name).
    static let commonNameLimit = 64

    /// A common name that stock clients take as it is: OpenVPN compares and logs it, and replaces characters that it
    /// does not allow there.
    ///
    /// - Throws: ``PKIError`` with code `badName`.
    static func checkServerName(_ name: String) throws(PKIError) -> String {
        let allowed = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: ":"):
                true
            default: false
            }
        }
        guard allowed, (1...commonNameLimit).contains(name.utf8.count), name.utf8.first != UInt8(ascii: "-") else {
            throw PKIError(
                .badName,
                "a server's name in certificates has 1 to \(commonNameLimit) letters, digits, '.', '-', '_' and ':'")
        }
        return name
    }

    /// The common name of a user's certificate: the user's name with every character that is not a letter, digit or one
    /// of `.-_@+ ` in ASCII replaced by `_`, at most 64 of them. It is for people: the identity is the user's id.
    static func clientCommonName(userName: String) -> String {
        let mapped = userName.unicodeScalars.prefix(commonNameLimit).map { scalar -> Character in
            let isAllowed =
                scalar.isASCII
                && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
                    || [".", "-", "_", "@", "+", " "].contains(scalar))
            return isAllowed ? Character(scalar) : "_"
        }
        let name = String(mapped).trimmingCharacters(in: CharacterSet(charactersIn: " "))
        return name.isEmpty ? "_" : name
    }

    /// The user's id as a URI of the subject alternative names: `urn:uuid:` and the RFC 9562 text form.
    static func uri(of user: UserID) -> String {
        let bytes = user.bytes
        let groups = [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { range in
            bytes[range].map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        }
        return userPrefix + groups.joined(separator: "-")
    }

    /// The user's id of a URI in exactly the form that ``uri(of:)`` writes; nil for any other.
    static func userID(uri: String) -> UserID? {
        guard uri.utf8.count == userPrefix.utf8.count + 36, uri.hasPrefix(userPrefix) else { return nil }
        let digits = uri.dropFirst(userPrefix.count).filter { $0 != "-" }
        guard digits.utf8.count == 32 else { return nil }
        var bytes: [UInt8] = []
        var rest = Substring(digits)
        while !rest.isEmpty {
            guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        guard let user = UserID(bytes: bytes), Self.uri(of: user) == uri else { return nil }
        return user
    }

    private static let userPrefix = "urn:uuid:"
}
