/// Looks at the first bytes that a client sends to a TLS server.
///
/// OpenSSL makes room for a whole opening message as soon as its length is announced, up to 128 KiB. Real ones have a few
/// hundred bytes, some kilobytes with keys that withstand quantum computers; whoever announces more is turned away before
/// there is room made.
struct TLSOpening {
    /// Longest opening message that is let in, in bytes.
    static let maximumMessageBytes = 16 * 1024

    /// Record header (RFC 8446 section 5.1), then type and length of the message (section 4), as far as they came.
    private var bytes: [UInt8] = []

    /// Whether what came so far, with `more` behind it, can go on. What is no handshake record at all is left to OpenSSL,
    /// which has an alert for it.
    mutating func accepts(_ more: [UInt8]) -> Bool {
        guard bytes.count < 9 else { return true }
        bytes += more.prefix(9 - bytes.count)
        guard bytes.count >= 5, bytes[0] == 22 else { return true }
        // A record too short for the message's header would hide its length from here.
        if Int(bytes[3]) << 8 | Int(bytes[4]) < 4 { return false }
        guard bytes.count == 9 else { return true }
        return Int(bytes[6]) << 16 | Int(bytes[7]) << 8 | Int(bytes[8]) <= Self.maximumMessageBytes
    }
}
