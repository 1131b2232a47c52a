/// Why a text cannot be pushed to a client.
public enum PushOptionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// An option has at most ``PushOption/maximumBytes`` bytes, and at least one.
    case length
    /// An option has no commas, control characters, or characters outside of ASCII.
    case character

    /// What is wrong and how to mend it.
    public var description: String {
        switch self {
        case .length: "a pushed option has 1 to \(PushOption.maximumBytes) characters; shorten or split it"
        case .character: "a pushed option has no commas, line breaks or characters outside of ASCII"
        }
    }
}

/// One option that a server pushes to a client, such as `route 10.1.0.0 255.255.0.0`.
public struct PushOption: Hashable, Sendable, CustomStringConvertible {
    /// Clients take no longer options, in bytes.
    public static let maximumBytes = 255

    /// The option as it is sent. May be a secret: see ``description``.
    public let text: String

    /// Takes any option.
    ///
    /// - Throws: ``PushOptionError`` if the text would not arrive as one option.
    public init(_ text: String) throws(PushOptionError) {
        guard (1...Self.maximumBytes).contains(text.utf8.count) else { throw .length }
        guard text.utf8.allSatisfy({ (0x20...0x7E).contains($0) && $0 != UInt8(ascii: ",") }) else {
            throw .character
        }
        self.text = text
    }

    /// For texts made of numbers, addresses and words that fit by construction.
    init(known text: String) {
        self.text = text
    }

    /// The first word.
    public var name: Substring { text.prefix { $0 != " " } }

    /// The option, without the value of an auth token.
    public var description: String { name == "auth-token" ? "auth-token (redacted)" : text }

    /// A value in quotation marks, for values with blanks in them.
    public static func quoted(_ value: String) -> String {
        var text = "\""
        for character in value {
            if character == "\"" || character == "\\" { text.append("\\") }
            text.append(character)
        }
        return text + "\""
    }
}
