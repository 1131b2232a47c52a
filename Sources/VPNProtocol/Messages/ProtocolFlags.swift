/// What a client says it understands: the bits of `IV_PROTO` (OpenVPN protocol, `ssl.h`).
public struct ProtocolFlags: OptionSet, Hashable, Sendable {
    /// The bits.
    public let rawValue: UInt32

    /// Takes the bits.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Data packets with peer id, and changes of address.
    public static let dataV2 = ProtocolFlags(rawValue: 1 << 1)
    /// The client waits for its options without asking.
    public static let requestPush = ProtocolFlags(rawValue: 1 << 2)
    /// Data keys by the TLS exporter.
    public static let tlsKeyExport = ProtocolFlags(rawValue: 1 << 3)
    /// Keywords behind AUTH_PENDING.
    public static let authPendingKeywords = ProtocolFlags(rawValue: 1 << 4)
    /// Cipher negotiation without pushed options: the client does not accept any.
    public static let peerToPeerNegotiation = ProtocolFlags(rawValue: 1 << 5)
    /// The `dns` option as OpenVPN 2.6 has it.
    public static let dnsOption = ProtocolFlags(rawValue: 1 << 6)
    /// EXIT on the control channel, and the `protocol-flags` option.
    public static let controlChannelExit = ProtocolFlags(rawValue: 1 << 7)
    /// AUTH_FAILED,TEMP.
    public static let temporaryAuthFailure = ProtocolFlags(rawValue: 1 << 8)
    /// Renegotiations wrapped with an exported key.
    public static let dynamicTLSCrypt = ProtocolFlags(rawValue: 1 << 9)
    /// The data format with epochs.
    public static let epochData = ProtocolFlags(rawValue: 1 << 10)
    /// The `dns` option as OpenVPN 2.7 has it.
    public static let dnsOptionV2 = ProtocolFlags(rawValue: 1 << 11)
    /// PUSH_UPDATE.
    public static let pushUpdate = ProtocolFlags(rawValue: 1 << 12)
}
