internal import VPNFormats

/// What configures the session itself.
extension PushOption {
    /// After how many seconds without sending the client sends a ping.
    public static func ping(seconds: UInt32) -> PushOption {
        PushOption(known: "ping \(seconds)")
    }

    /// After how many seconds without receiving the client connects anew.
    public static func pingRestart(seconds: UInt32) -> PushOption {
        PushOption(known: "ping-restart \(seconds)")
    }

    /// The client's number in its data packets.
    public static func peerID(_ id: PeerID) -> PushOption {
        PushOption(known: "peer-id \(id)")
    }

    /// The cipher of the data channel.
    public static func cipher(_ cipher: DataCipher) -> PushOption {
        PushOption(known: "cipher \(cipher.name)")
    }

    /// What is switched on for the session.
    public struct SessionFlags: OptionSet, Hashable, Sendable {
        /// The bits; not sent as such.
        public let rawValue: UInt8

        /// Takes the bits.
        public init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// EXIT on the control channel.
        public static let controlChannelExit = SessionFlags(rawValue: 1)
        /// Data keys by the TLS exporter.
        public static let tlsKeyExport = SessionFlags(rawValue: 2)
        /// Renegotiations wrapped with an exported key.
        public static let dynamicTLSCrypt = SessionFlags(rawValue: 4)

        fileprivate static let words: [(SessionFlags, String)] = [
            (.controlChannelExit, "cc-exit"), (.tlsKeyExport, "tls-ekm"), (.dynamicTLSCrypt, "dyn-tls-crypt"),
        ]
    }

    /// Switches on what a client announced. Only for clients with ``ProtocolFlags/controlChannelExit``, and no flag
    /// that the client did not announce: some clients give up over one that they do not know.
    public static func protocolFlags(_ flags: SessionFlags) -> PushOption {
        let words = SessionFlags.words.filter { flags.contains($0.0) }.map(\.1)
        return PushOption(known: (["protocol-flags"] + words).joined(separator: " "))
    }

    /// Data keys by the TLS exporter, for clients that know no `protocol-flags`.
    public static let keyDerivationByExporter = PushOption(known: "key-derivation tls-ekm")

    /// What the client is to present instead of its password from now on.
    ///
    /// - Throws: ``PushOptionError``.
    public static func authToken(_ token: String) throws(PushOptionError) -> PushOption {
        try PushOption("auth-token \(token)")
    }

    /// The user name that belongs to the token, for clients that logged in without one.
    ///
    /// - Throws: ``PushOptionError`` if the name is too long.
    public static func authTokenUser(_ username: String) throws(PushOptionError) -> PushOption {
        try PushOption("auth-token-user \(Base64.encode(username.utf8))")
    }

    /// How often a client over UDP says that it leaves.
    public static func explicitExitNotify(times: UInt8) -> PushOption {
        PushOption(known: "explicit-exit-notify \(times)")
    }
}
