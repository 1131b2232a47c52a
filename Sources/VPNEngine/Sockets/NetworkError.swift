internal import CLinuxIO
internal import Glibc

/// What the operating system refused: a socket, the tunnel's interface, an address, a route, the packet filter.
///
/// The message says what was tried, why it failed and how to mend it.
public struct NetworkError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of a failure. New kinds may appear in minor releases.
    public struct Code: Hashable, Sendable {
        private enum Kind: Hashable {
            case permission, addressInUse, addressUnavailable, noTunnelDevice, exists, missing, tool, invalid, system
        }
        private let kind: Kind
        private init(_ kind: Kind) { self.kind = kind }

        /// The process lacks a capability.
        public static let permission = Code(.permission)
        /// Another program listens on the port.
        public static let addressInUse = Code(.addressInUse)
        /// The machine has no such address, or does not speak the family.
        public static let addressUnavailable = Code(.addressUnavailable)
        /// The kernel offers no tun device.
        public static let noTunnelDevice = Code(.noTunnelDevice)
        /// What was to be added is there already, or in use.
        public static let alreadyExists = Code(.exists)
        /// What was to be changed or removed is not there.
        public static let notFound = Code(.missing)
        /// A program that is needed is not installed or failed.
        public static let toolFailed = Code(.tool)
        /// A name or a number is out of range.
        public static let invalidArgument = Code(.invalid)
        /// Anything else.
        public static let system = Code(.system)
    }

    /// What kind of failure this is.
    public let code: Code
    /// The system's error number; 0 where it was no system call that failed.
    public let errorNumber: CInt
    /// What is wrong and how to mend it, in one line.
    public let message: String

    /// Makes an error from its parts.
    public init(_ code: Code, errorNumber: CInt = 0, _ message: String) {
        self.code = code
        self.errorNumber = errorNumber
        self.message = message
    }

    /// The message.
    public var description: String { message }

    /// An error for a failed system call.
    ///
    /// - Parameters:
    ///   - action: What was tried, as in "cannot listen on udp 0.0.0.0:1194".
    ///   - number: The error number, positive.
    ///   - advice: How to mend it, where that is known.
    static func system(_ action: String, _ number: CInt, advice: String? = nil) -> NetworkError {
        let reason = reasonText(number)
        let help = advice ?? standardAdvice(number)
        let text = "\(action): \(reason)"
        return NetworkError(code(number), errorNumber: number, help.map { "\(text); \($0)" } ?? text)
    }

    /// The system's text for an error number.
    static func reasonText(_ number: CInt) -> String {
        guard let text = unsafe clinuxio_error_text(number) else { return "error \(number)" }
        return unsafe String(cString: text)
    }

    private static func code(_ number: CInt) -> Code {
        switch number {
        case EPERM, EACCES: .permission
        case EADDRINUSE: .addressInUse
        case EADDRNOTAVAIL, EAFNOSUPPORT: .addressUnavailable
        case EEXIST, EBUSY: .alreadyExists
        case ENOENT, ENODEV, ESRCH, ENXIO: .notFound
        case EINVAL: .invalidArgument
        default: .system
        }
    }

    private static func standardAdvice(_ number: CInt) -> String? {
        switch number {
        case EPERM: "needs root or the capability CAP_NET_ADMIN"
        case EACCES: "needs root, or CAP_NET_BIND_SERVICE for a port below 1024"
        case EADDRINUSE: "another program uses it: stop that one or choose another port"
        case EADDRNOTAVAIL: "no interface of this machine has that address"
        case EAFNOSUPPORT: "this machine has that address family switched off"
        case EMFILE, ENFILE: "raise the limit of open files (LimitNOFILE)"
        default: nil
        }
    }
}
