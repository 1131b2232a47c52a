public import VPNFormats
public import VPNProtocol

/// What an engine tells whoever keeps its log. No event carries a secret or unsanitised bytes from outside.
public enum EngineEvent: Sendable {
    /// The engine is ready on this address.
    case listening(ListenAddress)
    /// The tunnel interface is up.
    case tunnelUp(name: String)
    /// Something about a session that an operator may want to read.
    case session(SessionHandle, remote: SocketAddress, message: String)
    /// A setting of the machine that the engine changed, as `sysctl` writes it.
    case changedSetting(String)
    /// Something that works less well than it should, with advice.
    case warning(String)
    /// The engine cannot go on; `run()` throws the same error.
    case failed(EngineError)
}

/// Why an engine could not start or go on.
public struct EngineError: Error, Sendable, CustomStringConvertible {
    /// New codes may appear in minor releases.
    public struct Code: Hashable, Sendable {
        private enum Kind: Hashable {
            case addressInUse, addressUnavailable, permission, noTunnelDevice, egress, credentials, configuration,
                system
        }
        private var kind: Kind

        /// Another program listens on a port of ours.
        public static let addressInUse = Code(kind: .addressInUse)
        /// The machine has no such address.
        public static let addressUnavailable = Code(kind: .addressUnavailable)
        /// A capability is missing.
        public static let permission = Code(kind: .permission)
        /// The kernel offers no tun device.
        public static let noTunnelDevice = Code(kind: .noTunnelDevice)
        /// Forwarding or NAT could not be set up.
        public static let egress = Code(kind: .egress)
        /// Certificates or keys do not parse or do not fit together.
        public static let credentials = Code(kind: .credentials)
        /// The configuration contradicts itself or asks for what is not supported.
        public static let configuration = Code(kind: .configuration)
        /// Anything else that the operating system refused.
        public static let system = Code(kind: .system)
    }

    /// What kind of failure it is.
    public let code: Code
    /// What is wrong and how to mend it, one line.
    public let description: String

    /// An error with its message: one line that says what is wrong and how to mend it.
    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
