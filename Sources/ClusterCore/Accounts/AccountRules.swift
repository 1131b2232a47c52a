import Foundation

/// A user name or password that the rules do not allow, with what to do about it. Never holds the text in question.
public struct AccountRuleError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong and what is allowed.
    public let description: String
}

/// Which user names there may be.
///
/// Unicode in normal form C; 1…64 characters (scalars) and at most 127 bytes of UTF-8, which is what every stock client
/// can send; no control, format, private-use or unassigned characters, no white space but single spaces inside; none of
/// `/ \ " ' ` , : ; < > | * ? = $`, which mean something in file names, subjects, configuration or shells; not beginning with
/// `-` or `.`. Names are compared exactly, after normalisation.
public enum UserNameRules {
    /// The most Unicode scalars of a name: the bound of a certificate's common name (RFC 5280, ub-common-name).
    public static let scalarLimit = 64
    /// The most bytes of a name in UTF-8.
    public static let byteLimit = 127

    private static let refused: Set<Unicode.Scalar> = [
        "/", "\\", "\"", "'", "`", ",", ":", ";", "<", ">", "|", "*", "?", "=", "$",
    ]

    /// Brings a name to its one form and checks it.
    ///
    /// - Returns: The name in normal form C.
    /// - Throws: ``AccountRuleError`` that says which rule it breaks.
    public static func parse(_ text: String) throws(AccountRuleError) -> String {
        guard text.utf8.count <= 4 * byteLimit else { throw tooLong }
        let name = text.precomposedStringWithCanonicalMapping
        let scalars = name.unicodeScalars
        guard let first = scalars.first, let last = scalars.last else {
            throw AccountRuleError(description: "a user name cannot be empty")
        }
        guard scalars.count <= scalarLimit, name.utf8.count <= byteLimit else { throw tooLong }
        guard first != " ", last != " ", !name.contains("  ") else {
            throw AccountRuleError(description: "a user name has no space at its ends and no two in a row")
        }
        guard first != "-", first != "." else {
            throw AccountRuleError(description: "a user name does not begin with '-' or '.'")
        }
        guard scalars.allSatisfy(isAllowed) else {
            throw AccountRuleError(
                description:
                    "a user name holds letters, digits, marks and symbols, and none of / \\ \" ' ` , : ; < > | * ? = $")
        }
        return name
    }

    /// What a client sent as user name, in the form in which users are looked up; nil when no user can have that name.
    public static func lookupForm(_ text: String) -> String? { try? parse(text) }

    private static var tooLong: AccountRuleError {
        AccountRuleError(description: "a user name has at most \(scalarLimit) characters and \(byteLimit) bytes")
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        if scalar == " " { return true }
        if refused.contains(scalar) { return false }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            return false
        default: return true
        }
    }
}

/// Which passwords users may have: at least 8 characters and at most 127 bytes of UTF-8 in normal form C, which is what
/// every stock client can send; no control characters. Nothing else is asked: length is what counts.
public enum PasswordRules {
    /// The fewest characters (Unicode scalars).
    public static let scalarMinimum = 8
    /// The most bytes in UTF-8.
    public static let byteLimit = 127
    /// What a password must not begin with, because clients and servers read such a password as something else:
    /// authentication tokens and the answers to challenges.
    static let reservedPrefixes = ["SESS_ID_AT_", "CRV1:", "SCRV1:"]

    /// Checks a password that a user is to have.
    ///
    /// - Parameter userName: The user's name, which the password must not be.
    /// - Throws: ``AccountRuleError`` that says which rule it breaks and never quotes it.
    public static func check(_ password: String, userName: String) throws(AccountRuleError) {
        guard password.utf8.count <= 4 * byteLimit else { throw tooLong }
        let normal = password.precomposedStringWithCanonicalMapping
        guard normal.unicodeScalars.count >= scalarMinimum else {
            throw AccountRuleError(description: "a password has at least \(scalarMinimum) characters")
        }
        guard normal.utf8.count <= byteLimit else { throw tooLong }
        guard normal.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            throw AccountRuleError(description: "a password has no control characters (was a line end sent with it?)")
        }
        guard normal.lowercased() != userName.lowercased() else {
            throw AccountRuleError(description: "a password is not the user's name")
        }
        guard !reservedPrefixes.contains(where: normal.hasPrefix) else {
            throw AccountRuleError(description: "a password does not begin with SESS_ID_AT_, CRV1: or SCRV1:")
        }
    }

    private static var tooLong: AccountRuleError {
        AccountRuleError(description: "a password has at most \(byteLimit) bytes")
    }
}
