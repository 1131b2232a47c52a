/// 256 bytes of OpenVPN key material in four slots of 64, as tls-crypt uses them.
///
/// Layout (OpenVPN protocol, `crypto.h`): cipher 0, HMAC 0, cipher 1, HMAC 1. For control channel wrapping the server
/// sends with half 0 and receives with half 1; the data channel uses the halves the other way round.
public struct StaticKey: Hashable, Sendable, SecretMaterial {
    /// The size of the material, in bytes.
    public static let byteCount = 256
    /// The label of the text form.
    public static let label = "OpenVPN Static key V1"
    private static let slotBytes = 64

    /// The material, 256 bytes.
    public let bytes: [UInt8]

    /// Takes the material as it is.
    ///
    /// - Throws: ``FormatError`` with `length` unless there are 256 bytes.
    public init(bytes: [UInt8]) throws(FormatError) {
        guard bytes.count == Self.byteCount else {
            throw FormatError(.length, "a static key has \(Self.byteCount) bytes, not \(bytes.count)")
        }
        self.bytes = bytes
    }

    private init(unchecked bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Reads the text form: hexadecimal digits between marker lines; the width of the lines does not matter.
    ///
    /// - Throws: ``FormatError`` with `malformed` or `length`.
    public init(text: String) throws(FormatError) {
        let content = try TextBlock.content(label: Self.label, in: text)
        guard let bytes = Hex.decode(content, maximumBytes: 1_024) else {
            throw FormatError(
                .malformed, "the static key has other characters than hexadecimal digits; fetch the file again")
        }
        try self.init(bytes: bytes)
    }

    /// The text form with 16 bytes a line, as `openvpn --genkey` writes it.
    public var text: String {
        TextBlock.text(label: Self.label, content: Hex.encode(bytes), width: 32)
    }

    /// The 64-byte cipher slot of a half; half 0 for 0, half 1 for every other number.
    public func cipher(_ half: Int) -> ArraySlice<UInt8> {
        slot(half == 0 ? 0 : 2)
    }

    /// The 64-byte HMAC slot of a half; half 0 for 0, half 1 for every other number.
    public func hmac(_ half: Int) -> ArraySlice<UInt8> {
        slot(half == 0 ? 1 : 3)
    }

    private func slot(_ index: Int) -> ArraySlice<UInt8> {
        bytes[index * Self.slotBytes..<(index + 1) * Self.slotBytes]
    }

    /// Byte by byte exclusive or, as dynamic tls-crypt mixes the exported material with the session's wrap key.
    public func xor(_ other: StaticKey) -> StaticKey {
        StaticKey(unchecked: zip(bytes, other.bytes).map { $0 ^ $1 })
    }
}
