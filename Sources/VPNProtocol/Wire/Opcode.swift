/// What an OpenVPN packet is: the upper five bits of its first byte (OpenVPN protocol, `ssl_pkt.h`).
///
/// Codes 1 and 2 belong to key method 1 and are not accepted.
public enum Opcode: UInt8, Hashable, Sendable, CaseIterable {
    /// Begins a renegotiation on a new key id.
    case softReset = 3
    /// Carries TLS bytes.
    case control = 4
    /// Acknowledges control packets and carries nothing else.
    case acknowledgement = 5
    /// A data packet without peer id.
    case dataV1 = 6
    /// Begins a session, from the client.
    case hardResetClientV2 = 7
    /// Answers the beginning of a session.
    case hardResetServerV2 = 8
    /// A data packet with peer id.
    case dataV2 = 9
    /// Begins a session, from the client, its wrapped tls-crypt-v2 key appended.
    case hardResetClientV3 = 10
    /// Carries TLS bytes, the client's wrapped tls-crypt-v2 key appended.
    case controlWithWrappedKey = 11

    /// Whether packets of this kind carry tunnelled data and not the control channel.
    @inlinable
    public var isData: Bool { self == .dataV1 || self == .dataV2 }

    /// Whether a wrapped tls-crypt-v2 client key stands at the end of the packet.
    @inlinable
    public var carriesWrappedKey: Bool { self == .hardResetClientV3 || self == .controlWithWrappedKey }

    /// Whether packets of this kind carry bytes of the control channel's TLS.
    @inlinable
    public var carriesTLS: Bool { self == .control || self == .controlWithWrappedKey }

    /// Whether control packets of this kind have a message id, which is to be acknowledged.
    @inlinable
    public var hasMessageID: Bool { self != .acknowledgement && !isData }
}
