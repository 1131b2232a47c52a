/// A secret as the store sees it: opaque bytes that only the holder of `cluster.key` can open.
///
/// Neither `description` nor `debugDescription` nor a mirror shows the bytes.
public struct SealedValue: Hashable, Sendable {
    /// The most bytes that a sealed value may have, 1 MiB.
    public static let maximumBytes = 1 << 20

    /// Format byte, key id, nonce, ciphertext and tag, as the sealer wrote them.
    public let bytes: [UInt8]

    /// - Parameter bytes: What the sealer gave, 1 to ``maximumBytes`` bytes; anything else gives `nil`.
    public init?(_ bytes: [UInt8]) {
        guard (1...Self.maximumBytes).contains(bytes.count) else { return nil }
        self.bytes = bytes
    }
}

extension SealedValue: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The number of bytes, never the bytes.
    public var description: String { "sealed(\(bytes.count) bytes)" }
    /// The number of bytes, never the bytes.
    public var debugDescription: String { description }
    /// A mirror without children.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
