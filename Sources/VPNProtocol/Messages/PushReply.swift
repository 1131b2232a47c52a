/// The options of a client, cut into messages that every client takes.
public struct PushReply: Hashable, Sendable {
    /// No message is longer, the NUL at its end included, in bytes.
    public static let maximumMessageBytes = 1_000

    private static let head = "PUSH_REPLY"
    private static let continues = ",push-continuation 2"
    private static let ends = ",push-continuation 1"

    /// The options in the order in which they are sent.
    public var options: [PushOption]

    /// Takes the options.
    public init(_ options: [PushOption] = []) {
        self.options = options
    }

    /// The messages to send, one TLS record each, without the NUL at their ends. At least one.
    public var messages: [String] {
        let limit = Self.maximumMessageBytes - 1 - Self.continues.utf8.count
        var bodies: [String] = []
        var body = ""
        for option in options {
            let next = "," + option.text
            if !body.isEmpty, Self.head.utf8.count + body.utf8.count + next.utf8.count > limit {
                bodies.append(body)
                body = ""
            }
            body += next
        }
        guard !bodies.isEmpty else { return [Self.head + (body.isEmpty ? "," : body)] }
        return bodies.map { Self.head + $0 + Self.continues } + [Self.head + body + Self.ends]
    }
}

/// One message of a push reply as a client receives it.
public struct PushReplyPart: Hashable, Sendable {
    /// The options of this part.
    public var options: [PushOption]
    /// Whether another part follows.
    public var continues: Bool

    /// Makes a part.
    public init(options: [PushOption], continues: Bool) {
        self.options = options
        self.continues = continues
    }

    /// Reads what follows `PUSH_REPLY`: options, each with a comma before it.
    ///
    /// - Returns: `nil` if an option cannot be one.
    init?(arguments: Substring) {
        options = []
        continues = false
        for text in arguments.split(separator: ",") {
            if text == "push-continuation 2" {
                continues = true
            } else if text != "push-continuation 1" {
                guard let option = try? PushOption(String(text)) else { return nil }
                options.append(option)
            }
        }
    }

    var text: String {
        var words = ["PUSH_REPLY"] + options.map(\.text)
        if continues { words.append("push-continuation 2") }
        return words.count == 1 ? "PUSH_REPLY," : words.joined(separator: ",")
    }
}
