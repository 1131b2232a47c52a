/// The content of a control packet once its wrapping is removed (OpenVPN protocol, `ssl_pkt.c`, `reliable.c`).
///
/// ```
/// count of acknowledgements (1) | ids (4 each) | session id of their sender (8), if count > 0
/// | message id (4), unless acknowledgement packet | payload
/// ```
public struct ControlBody: Hashable, Sendable {
    /// More acknowledgements in one packet are refused.
    public static let maximumAcknowledgements = 8

    /// The message ids that are acknowledged, at most eight.
    public private(set) var acknowledgements: [UInt32]
    /// Whose messages are acknowledged: the session id of the packet's receiver. Set exactly if there are any.
    public private(set) var remoteSession: SessionID?
    /// The number of this message, to be acknowledged; `nil` exactly in acknowledgement packets.
    public private(set) var messageID: UInt32?
    /// TLS bytes, or options of a reset.
    public private(set) var payload: [UInt8]

    /// A message that may carry acknowledgements.
    ///
    /// - Parameters:
    ///   - messageID: The number of the message.
    ///   - acknowledging: Ids to acknowledge; those beyond eight are left out.
    ///   - remoteSession: Whose ids these are; without one nothing is acknowledged.
    ///   - payload: The content.
    public init(
        messageID: UInt32, acknowledging: [UInt32] = [], remoteSession: SessionID? = nil, payload: [UInt8] = []
    ) {
        self.messageID = messageID
        self.payload = payload
        self.acknowledgements = remoteSession == nil ? [] : Array(acknowledging.prefix(Self.maximumAcknowledgements))
        self.remoteSession = self.acknowledgements.isEmpty ? nil : remoteSession
    }

    /// The body of an acknowledgement packet; ids beyond eight are left out.
    public init(acknowledging ids: [UInt32], remoteSession: SessionID) {
        acknowledgements = Array(ids.prefix(Self.maximumAcknowledgements))
        self.remoteSession = acknowledgements.isEmpty ? nil : remoteSession
        messageID = nil
        payload = []
    }

    /// Reads a body.
    ///
    /// - Parameters:
    ///   - opcode: The kind of the packet; data packets have no such body.
    ///   - bytes: The body as the sender made it. Bytes behind an acknowledgement packet are ignored.
    /// - Returns: `nil` if it is cut short, acknowledges more than eight messages, or for a session id of zero.
    public init?(opcode: Opcode, bytes: some Collection<UInt8>) {
        guard !opcode.isData else { return nil }
        var reader = ByteReader(Array(bytes))
        guard let count = reader.readUInt8(), count <= Self.maximumAcknowledgements else { return nil }
        acknowledgements = []
        for _ in 0..<count {
            guard let id = reader.readUInt32() else { return nil }
            acknowledgements.append(id)
        }
        if count > 0 {
            guard let session = reader.readSessionID() else { return nil }
            remoteSession = session
        }
        if opcode.hasMessageID {
            guard let id = reader.readUInt32() else { return nil }
            messageID = id
            payload = Array(reader.readRest())
        } else {
            payload = []
        }
    }

    /// The body as it goes on the wire, before wrapping.
    public var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 13 + 4 * acknowledgements.count + payload.count)
        writer.write(UInt8(acknowledgements.count))
        for id in acknowledgements {
            writer.write(id)
        }
        if let remoteSession {
            writer.write(remoteSession)
        }
        if let messageID {
            writer.write(messageID)
            writer.write(payload)
        }
        return writer.bytes
    }
}
