/// What client and server say to each other in the TLS session once keys are exchanged (OpenVPN protocol, `push.c`,
/// `forward.c`). Each is a text with a NUL at its end, and a TLS record of its own.
public enum ControlMessage: Hashable, Sendable {
    /// The client asks for its options.
    case pushRequest
    /// The server's options, or a part of them.
    case pushReply(PushReplyPart)
    /// The server refuses the client.
    case authFailed(AuthFailure)
    /// The server has not decided yet; how long the client is to wait at most, in seconds.
    case authPending(timeoutSeconds: UInt32?)
    /// The client's answer to a question, in base64.
    case challengeResponse(String)
    /// Something to show to the user.
    case info(String)
    /// Something to show before the tunnel is up, or a way of a second login step.
    case infoPre(String)
    /// The client is to connect anew.
    case restart(RestartFlags, reason: String)
    /// The client is to end.
    case halt(reason: String)
    /// The sender is gone.
    case exit
    /// Something else; for logs, it has printable characters only and at most 256.
    case unknown(String)

    /// How a client connects anew.
    public struct RestartFlags: OptionSet, Hashable, Sendable {
        /// The bits; not sent as such.
        public let rawValue: UInt8

        /// Takes the bits.
        public init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// To the next server of the profile.
        public static let nextRemote = RestartFlags(rawValue: 1)
        /// With the credentials that the client still has.
        public static let keepCredentials = RestartFlags(rawValue: 2)
    }

    /// The most bytes that one TLS record of messages may have.
    public static let maximumRecordBytes = 2_048

    /// Splits the plain text of a TLS record into the messages in it.
    ///
    /// Messages without NUL at their end or with control characters, and records that are too long, are left out.
    public static func messages(in record: some Collection<UInt8>) -> [ControlMessage] {
        texts(in: record).map(ControlMessage.init(text:))
    }

    static func texts(in record: some Collection<UInt8>) -> [String] {
        guard record.count <= maximumRecordBytes else { return [] }
        let pieces = record.split(separator: 0, omittingEmptySubsequences: false).dropLast()
        return pieces.compactMap { piece in
            var piece = Array(piece)
            while let last = piece.last, last == 10 || last == 13 { piece.removeLast() }
            guard !piece.isEmpty, piece.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
            return String(validating: piece, as: UTF8.self)
        }
    }

    /// Reads one message. Everything is one: what is not known comes out as ``unknown(_:)``.
    public init(text: String) {
        let comma = text.utf8.firstIndex(of: UInt8(ascii: ","))
        let arguments = comma.map { text[text.utf8.index(after: $0)...] } ?? ""
        switch text[..<(comma ?? text.endIndex)] {
        case "PUSH_REQUEST" where comma == nil: self = .pushRequest
        case "EXIT" where comma == nil: self = .exit
        case "AUTH_FAILED": self = .authFailed(AuthFailure(arguments: arguments))
        case "AUTH_PENDING": self = .authPending(timeoutSeconds: Self.timeout(arguments))
        case "CR_RESPONSE": self = .challengeResponse(String(arguments))
        case "INFO": self = .info(String(arguments))
        case "INFO_PRE": self = .infoPre(String(arguments))
        case "RESTART": self = Self.restart(arguments)
        case "HALT": self = .halt(reason: String(arguments))
        case "PUSH_REPLY":
            self = PushReplyPart(arguments: arguments).map(ControlMessage.pushReply) ?? .unknown("PUSH_REPLY malformed")
        default: self = .unknown(Self.clean(text))
        }
    }

    private static func timeout(_ arguments: Substring) -> UInt32? {
        for argument in arguments.split(separator: ",") where argument.hasPrefix("timeout ") {
            return UInt32(argument.dropFirst(8))
        }
        return nil
    }

    private static func restart(_ arguments: Substring) -> ControlMessage {
        var flags: RestartFlags = []
        var reason = arguments
        if reason.first == "[", let end = reason.firstIndex(of: "]") {
            let letters = reason[..<end]
            if letters.contains("N") { flags.insert(.nextRemote) }
            if letters.contains("P") { flags.insert(.keepCredentials) }
            reason = reason[reason.index(after: end)...]
            if reason.first == ":" { reason = reason.dropFirst() }
        }
        return .restart(flags, reason: String(reason))
    }

    /// The text on the wire, without the NUL at its end. Control characters in reasons become blanks.
    public var text: String {
        switch self {
        case .pushRequest: "PUSH_REQUEST"
        case .pushReply(let part): part.text
        case .authFailed(let failure): Self.printable(failure.text)
        case .authPending(let seconds): seconds.map { "AUTH_PENDING,timeout \($0)" } ?? "AUTH_PENDING"
        case .challengeResponse(let response): Self.printable("CR_RESPONSE,\(response)")
        case .info(let text): Self.printable("INFO,\(text)")
        case .infoPre(let text): Self.printable("INFO_PRE,\(text)")
        case .restart(let flags, let reason): Self.printable(Self.restartText(flags, reason))
        case .halt(let reason): Self.printable(reason.isEmpty ? "HALT" : "HALT,\(reason)")
        case .exit: "EXIT"
        case .unknown(let text): Self.printable(text)
        }
    }

    /// The plain text of the TLS record, NUL included.
    public var bytes: [UInt8] { Array(text.utf8) + [0] }

    private static func restartText(_ flags: RestartFlags, _ reason: String) -> String {
        var letters = ""
        if flags.contains(.nextRemote) { letters += "N" }
        if flags.contains(.keepCredentials) { letters += "P" }
        if letters.isEmpty {
            if reason.first == "[" { return "RESTART,[]:\(reason)" }
            return reason.isEmpty ? "RESTART" : "RESTART,\(reason)"
        }
        return "RESTART,[\(letters)]:\(reason)"
    }

    private static func printable(_ text: String) -> String {
        let bytes = text.utf8.map { $0 >= 0x20 && $0 != 0x7F ? $0 : 0x20 }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func clean(_ text: String) -> String {
        let bytes = text.utf8.prefix(256).map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "_") }
        return String(decoding: bytes, as: UTF8.self)
    }
}
