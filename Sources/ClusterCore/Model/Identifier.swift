internal import VPNFormats

/// A random 128-bit name of one `Subject`, unique for all practical purposes and never used again.
///
/// Identifiers are made before the row that bears them is written, so that writing the row a second time changes
/// nothing. The type parameter keeps the identifiers of different things apart: a ``UserID`` is no ``NodeID``.
public struct Identifier<Subject>: Hashable, Sendable {
    @usableFromInline let high: UInt64
    @usableFromInline let low: UInt64

    /// - Parameter generator: The source of randomness; must be cryptographically strong outside tests.
    public init(using generator: inout some RandomNumberGenerator) {
        self.high = generator.next()
        self.low = generator.next()
    }

    /// - Parameter bytes: Exactly 16 bytes; anything else gives `nil`.
    @inlinable
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for byte in bytes {
            high = high << 8 | low >> 56
            low = low << 8 | UInt64(byte)
        }
        self.high = high
        self.low = low
    }

    /// - Parameter text: 32 hexadecimal digits of either case; anything else gives `nil`.
    public init?(_ text: some StringProtocol) {
        guard let bytes = Hex.decode(text, maximumBytes: 16) else { return nil }
        self.init(bytes: bytes)
    }

    /// The 16 bytes, most significant first.
    public var bytes: [UInt8] {
        withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { Array($0) }
    }
}

extension Identifier: Comparable {
    /// Orders by value.
    public static func < (left: Self, right: Self) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

extension Identifier: CustomStringConvertible {
    /// 32 lower-case hexadecimal digits.
    public var description: String { Hex.encode(bytes) }
}

extension Identifier: Codable {
    /// - Throws: `DecodingError.dataCorrupted` for anything but 32 hexadecimal digits.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let identifier = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not 32 hexadecimal digits")
        }
        self = identifier
    }

    /// Writes the text form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// Names a user for ever; a new user of an old name has a new one.
public typealias UserID = Identifier<User>
/// Names a node for ever.
public typealias NodeID = Identifier<Node>
/// Names one row of live sessions and, later, of the connection log.
public typealias SessionRecordID = Identifier<Session>
/// Names a cluster (a standalone node is a cluster of one) for ever, through copies and restores.
public typealias ClusterID = Identifier<ClusterInfo>
/// Names one history of a store: new when it is created, restored or copied.
public typealias LineageID = Identifier<Lineage>
/// The random name of one change of configuration.
public typealias ChangeID = Identifier<Revision>

/// One history of a store, named by a ``LineageID``; it has no value of its own.
public enum Lineage {}
