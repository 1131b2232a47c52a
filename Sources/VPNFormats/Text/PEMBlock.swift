/// A labelled block of base64 text (RFC 7468), as certificates and OpenVPN v2 keys are written.
public struct PEMBlock: Hashable, Sendable {
    /// The words after BEGIN and END.
    public var label: String
    /// The content.
    public var bytes: [UInt8]

    /// Larger contents are refused when they are read, in bytes.
    public static let maximumBytes = 131_072

    /// Makes a block out of its parts.
    public init(label: String, bytes: [UInt8]) {
        self.label = label
        self.bytes = bytes
    }

    /// Reads the first block with the label; text around it and the width of its lines do not matter.
    ///
    /// - Throws: ``FormatError`` with `malformed` if there is no such block or it is not base64, `tooLong` if the text
    ///   is beyond any file of the kind.
    public init(label: String, in text: String) throws(FormatError) {
        let content = try TextBlock.content(label: label, in: text)
        guard let bytes = Base64.decode(content, maximumBytes: Self.maximumBytes) else {
            throw FormatError(
                .malformed, "the \"\(label)\" block is not base64 text; it was cut or changed, fetch the file again")
        }
        self.init(label: label, bytes: bytes)
    }

    /// The block as text with lines of 64 characters, ended by a line break.
    public var text: String {
        TextBlock.text(label: label, content: Base64.encode(bytes), width: 64)
    }
}

extension PEMBlock: SecretMaterial {}
