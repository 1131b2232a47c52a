/// What a server asks of a client in the payload of its reset: a list of type (2), length (2), value (OpenVPN protocol,
/// `ssl_pkt.h`).
public struct ResetReplyOptions: OptionSet, Hashable, Sendable {
    /// The bits of the flags option.
    public let rawValue: UInt16

    /// Takes the bits.
    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// The client is to append its wrapped key to its next message as well, so that the server need not keep it.
    public static let resendWrappedKey = ResetReplyOptions(rawValue: 1)

    private static let flagsType: UInt16 = 1

    /// Reads the options; unknown types are skipped, later flags add to earlier ones.
    ///
    /// - Returns: `nil` if a value is cut short or flags have another length than two.
    public init?(bytes: some Collection<UInt8>) {
        var reader = ByteReader(Array(bytes))
        var flags: UInt16 = 0
        while !reader.isAtEnd {
            guard let type = reader.readUInt16(), let length = reader.readUInt16(),
                let value = reader.readBytes(Int(length))
            else { return nil }
            guard type == Self.flagsType else { continue }
            guard value.count == 2 else { return nil }
            flags |= value.reduce(0) { $0 << 8 | UInt16($1) }
        }
        self.init(rawValue: flags)
    }

    /// The options on the wire; nothing if no flag is set.
    public var bytes: [UInt8] {
        guard rawValue != 0 else { return [] }
        var writer = ByteWriter(capacity: 6)
        writer.write(Self.flagsType)
        writer.write(UInt16(2))
        writer.write(rawValue)
        return writer.bytes
    }
}
