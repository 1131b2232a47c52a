/// Why a key exchange message cannot be used.
public enum KeyExchangeError: Error, Hashable, Sendable {
    /// The message ends too early.
    case truncated
    /// Another key method than 2.
    case unsupportedMethod(UInt8)
    /// The options are longer than 512 bytes or have no end.
    case invalidOptions
    /// The message is longer than any client sends.
    case tooLong
}

/// The random bytes of one side: 32 for the master secret, 32 for the key expansion.
public struct KeyExchangeRandom: Hashable, Sendable {
    /// The size of each part, in bytes.
    public static let partBytes = 32

    /// Goes into the master secret.
    public let first: [UInt8]
    /// Goes into the key expansion.
    public let second: [UInt8]

    /// Picks new ones. The generator has to be one that nobody can predict.
    public init(using random: inout some RandomNumberGenerator) {
        first = (0..<Self.partBytes).map { _ in UInt8.random(in: 0...255, using: &random) }
        second = (0..<Self.partBytes).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    /// Takes both parts; `nil` unless each has 32 bytes.
    public init?(first: [UInt8], second: [UInt8]) {
        guard first.count == Self.partBytes, second.count == Self.partBytes else { return nil }
        self.first = first
        self.second = second
    }

    init(from reader: inout ByteReader) throws(KeyExchangeError) {
        guard let first = reader.readBytes(Self.partBytes), let second = reader.readBytes(Self.partBytes) else {
            throw .truncated
        }
        self.first = Array(first)
        self.second = Array(second)
    }
}

/// What both messages of key method 2 have in common (OpenVPN protocol, `ssl.c`).
enum KeyMethod2 {
    /// No client sends a longer message: it has to fit one TLS record.
    static let maximumBytes = 16_384
    static let maximumOptionBytes = 512

    static func begin(_ writer: inout ByteWriter) {
        writer.write(UInt32(0))
        writer.write(UInt8(2))
    }

    static func readBeginning(_ reader: inout ByteReader) throws(KeyExchangeError) {
        guard reader.remaining.count <= maximumBytes else { throw .tooLong }
        guard reader.readUInt32() != nil, let method = reader.readUInt8() else { throw .truncated }
        guard method & 0x0F == 2 else { throw .unsupportedMethod(method & 0x0F) }
    }

    /// A length that counts the NUL at the end, bytes, NUL; an empty text is the length 0.
    static func write(_ text: some Collection<UInt8>, to writer: inout ByteWriter) {
        guard !text.isEmpty, text.count < 65_535 else {
            writer.write(UInt16(0))
            return
        }
        writer.write(UInt16(text.count + 1))
        writer.write(text)
        writer.write(UInt8(0))
    }

    /// The bytes before the first NUL of the next text.
    static func readText(_ reader: inout ByteReader) throws(KeyExchangeError) -> ArraySlice<UInt8> {
        guard let length = reader.readUInt16(), let bytes = reader.readBytes(Int(length)) else { throw .truncated }
        return bytes.prefix { $0 != 0 }
    }

    static func readOptions(_ reader: inout ByteReader) throws(KeyExchangeError) -> OCCOptions {
        let bytes = try readText(&reader)
        guard let options = OCCOptions(text: String(decoding: bytes.prefix(maximumOptionBytes + 1), as: UTF8.self))
        else { throw .invalidOptions }
        return options
    }

    /// The text at the end, which may be missing altogether.
    static func readPeerInfo(_ reader: inout ByteReader) throws(KeyExchangeError) -> PeerInfo {
        reader.isAtEnd ? PeerInfo() : PeerInfo(bytes: try readText(&reader))
    }
}
