/// Why a server refuses a client, in the forms that clients tell apart (OpenVPN protocol, `push.c`).
public enum AuthFailure: Hashable, Sendable {
    /// For good: clients stop, unless they may ask for other credentials. Reasons that begin like another form are
    /// taken for it by clients.
    case permanent(reason: String)
    /// The token is not good any more: the client drops it and uses its credentials.
    case session(reason: String)
    /// For now. Only for clients with ``ProtocolFlags/temporaryAuthFailure``: for others it is for good.
    case temporary(Temporary, reason: String)
    /// The client is to answer a question (dynamic challenge); flags, state, user and question as CRV1 has them.
    case challenge(String)

    /// When and where the client tries again.
    public struct Temporary: Hashable, Sendable {
        /// Which server comes next.
        public enum Advance: String, Hashable, Sendable, CaseIterable {
            /// The same address.
            case no
            /// The next address of the same name.
            case address = "addr"
            /// The next server of the profile.
            case remote
        }

        /// After how many seconds; `nil` for the client's own rule.
        public var backoffSeconds: UInt32?
        /// Where; `nil` for the client's own rule.
        public var advance: Advance?

        /// Makes the instructions.
        public init(backoffSeconds: UInt32? = nil, advance: Advance? = nil) {
            self.backoffSeconds = backoffSeconds
            self.advance = advance
        }

        init(flags: Substring) {
            for flag in flags.split(separator: ",") {
                let words = flag.split(separator: " ")
                guard words.count == 2 else { continue }
                switch words[0] {
                case "backoff": backoffSeconds = UInt32(words[1])
                case "advance": advance = Advance(rawValue: String(words[1]))
                default: break
                }
            }
        }

        fileprivate var text: String {
            var flags: [String] = []
            if let backoffSeconds { flags.append("backoff \(backoffSeconds)") }
            if let advance { flags.append("advance \(advance.rawValue)") }
            return flags.isEmpty ? "" : "[\(flags.joined(separator: ","))]"
        }
    }

    /// Reads what follows `AUTH_FAILED` and its comma.
    init(arguments: Substring) {
        if arguments.hasPrefix("SESSION:") {
            self = .session(reason: String(arguments.dropFirst(8)))
        } else if arguments.hasPrefix("CRV1:") {
            self = .challenge(String(arguments.dropFirst(5)))
        } else if arguments.hasPrefix("TEMP") {
            self = Self.temporary(arguments.dropFirst(4))
        } else {
            self = .permanent(reason: String(arguments))
        }
    }

    private static func temporary(_ text: Substring) -> AuthFailure {
        var flags: Substring = ""
        var rest = text
        if rest.first == "[", let end = rest.firstIndex(of: "]") {
            flags = rest[rest.index(after: rest.startIndex)..<end]
            rest = rest[rest.index(after: end)...]
        }
        if rest.first == ":" { rest = rest.dropFirst() }
        return .temporary(Temporary(flags: flags), reason: String(rest))
    }

    var text: String {
        switch self {
        case .permanent(let reason): reason.isEmpty ? "AUTH_FAILED" : "AUTH_FAILED,\(reason)"
        case .session(let reason): "AUTH_FAILED,SESSION:\(reason)"
        case .temporary(let temporary, let reason): "AUTH_FAILED,TEMP\(temporary.text):\(reason)"
        case .challenge(let challenge): "AUTH_FAILED,CRV1:\(challenge)"
        }
    }
}
