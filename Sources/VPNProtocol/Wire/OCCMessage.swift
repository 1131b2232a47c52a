/// What peers say to each other inside of the data channel (OpenVPN protocol, `occ.c`): sixteen fixed bytes, a type,
/// and what belongs to it.
public enum OCCMessage: Hashable, Sendable {
    /// Asks for the peer's options.
    case request
    /// The peer's options, without the NUL at their end.
    case reply([UInt8])
    /// Asks for the largest packet size to be found out.
    case mtuLoadRequest
    /// A packet of a certain size; its filling is not kept.
    case mtuLoad
    /// Asks for the sizes of packets that arrived.
    case mtuRequest
    /// The largest packets received and sent, in bytes.
    case mtuReply(received: UInt16, sent: UInt16)
    /// The peer is gone (explicit exit notification).
    case exit
    /// A type that is not known.
    case unknown(UInt8)

    /// Options longer than this are cut, in bytes.
    public static let maximumOptionBytes = 512

    @usableFromInline
    static var words: (UInt64, UInt64) { (0x287F_346B_D4EF_7A81, 0x2D56_B8D3_AFC5_459C) }

    /// Whether the payload of a data packet is one of these messages and not to be passed on.
    @inlinable
    public static func matches(_ payload: UnsafeRawBufferPointer) -> Bool {
        payload.count >= 17
            && payload.loadUnaligned(fromByteOffset: 0, as: UInt64.self) == words.0.bigEndian
            && payload.loadUnaligned(fromByteOffset: 8, as: UInt64.self) == words.1.bigEndian
    }

    /// Reads a message.
    ///
    /// - Parameter payload: The payload of a data packet; anything may come in here.
    /// - Returns: `nil` if it is none of these messages, or one that is cut short.
    public init?(_ payload: UnsafeRawBufferPointer) {
        guard Self.matches(payload) else { return nil }
        let content = payload.dropFirst(17)
        switch payload[16] {
        case 0: self = .request
        case 1: self = .reply(Array(content.prefix(while: { $0 != 0 }).prefix(Self.maximumOptionBytes)))
        case 2: self = .mtuLoadRequest
        case 3: self = .mtuLoad
        case 4: self = .mtuRequest
        case 5:
            var reader = ByteReader(Array(content.prefix(4)))
            guard let received = reader.readUInt16(), let sent = reader.readUInt16() else { return nil }
            self = .mtuReply(received: received, sent: sent)
        case 6: self = .exit
        default: self = .unknown(payload[16])
        }
    }

    /// The message as payload of a data packet.
    public var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 24)
        writer.write(Self.words.0)
        writer.write(Self.words.1)
        switch self {
        case .request: writer.write(UInt8(0))
        case .reply(let options):
            writer.write(UInt8(1))
            writer.write(options.prefix(Self.maximumOptionBytes).prefix(while: { $0 != 0 }))
            writer.write(UInt8(0))
        case .mtuLoadRequest: writer.write(UInt8(2))
        case .mtuLoad: writer.write(UInt8(3))
        case .mtuRequest: writer.write(UInt8(4))
        case .mtuReply(let received, let sent):
            writer.write(UInt8(5))
            writer.write(received)
            writer.write(sent)
        case .exit: writer.write(UInt8(6))
        case .unknown(let type): writer.write(type)
        }
        return writer.bytes
    }
}
