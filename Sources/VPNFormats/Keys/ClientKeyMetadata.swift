/// What a server wrote into a wrapped client key beside the key itself. Clients cannot read it.
public enum ClientKeyMetadata: Hashable, Sendable {
    /// Free bytes (type 0).
    case user([UInt8])
    /// When the key was made, in seconds since 1970 (type 1).
    case timestamp(Int64)
    /// A type that this release does not know.
    case unknown(type: UInt8, [UInt8])

    /// The most bytes that metadata may have, its type included.
    public static let maximumBytes = WrappedClientKey.maximumBytes - WrappedClientKey.minimumBytes

    /// Type and content as they stand in a wrapped key.
    public var bytes: [UInt8] {
        switch self {
        case .user(let content):
            return [0] + content
        case .timestamp(let seconds):
            return [1] + bigEndianBytes(UInt64(bitPattern: seconds))
        case .unknown(let type, let content):
            return [type] + content
        }
    }

    /// Reads type and content; a timestamp of a wrong length comes out as `unknown`.
    ///
    /// - Returns: `nil` if there is not even a type.
    public init?(bytes: some Collection<UInt8>) {
        guard let type = bytes.first else { return nil }
        let content = Array(bytes.dropFirst())
        switch type {
        case 0:
            self = .user(content)
        case 1 where content.count == 8:
            self = .timestamp(Int64(bitPattern: bigEndianUInt64(content)))
        default:
            self = .unknown(type: type, content)
        }
    }
}
