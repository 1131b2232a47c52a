/// The sixteen bytes that keep a tunnel alive and are not passed on (OpenVPN protocol, `ping.c`).
public enum PingMessage {
    /// The length of the message.
    @inlinable
    public static var byteCount: Int { 16 }

    @usableFromInline
    static var words: (UInt64, UInt64) { (0x2A18_7BF3_641E_B4CB, 0x07ED_2D0A_981F_C748) }

    /// The message.
    public static let bytes: [UInt8] = {
        var writer = ByteWriter(capacity: byteCount)
        writer.write(words.0)
        writer.write(words.1)
        return writer.bytes
    }()

    /// Whether the payload of a data packet is this message.
    @inlinable
    public static func matches(_ payload: UnsafeRawBufferPointer) -> Bool {
        payload.count == byteCount
            && payload.loadUnaligned(fromByteOffset: 0, as: UInt64.self) == words.0.bigEndian
            && payload.loadUnaligned(fromByteOffset: 8, as: UInt64.self) == words.1.bigEndian
    }

    /// Writes the message.
    ///
    /// - Parameter payload: At least 16 bytes (a precondition).
    @inlinable
    public static func write(into payload: UnsafeMutableRawBufferPointer) {
        precondition(payload.count >= byteCount, "no room for a ping")
        payload.storeBytes(of: words.0.bigEndian, toByteOffset: 0, as: UInt64.self)
        payload.storeBytes(of: words.1.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
}
