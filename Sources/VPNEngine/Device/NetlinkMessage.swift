/// Writes one request of the kernel's rtnetlink protocol (rtnetlink(7)): header, fixed part, attributes. Numbers are in
/// the machine's own order.
struct NetlinkRequest {
    private(set) var bytes: [UInt8]

    /// Begins a request.
    init(type: UInt16, flags: UInt16, sequence: UInt32) {
        bytes = []
        append(UInt32(0))
        append(type)
        append(flags)
        append(sequence)
        append(UInt32(0))
    }

    /// Appends a number of the fixed part.
    mutating func append(_ value: some FixedWidthInteger) {
        unsafe withUnsafeBytes(of: value) { unsafe bytes.append(contentsOf: $0) }
    }

    /// Appends an attribute, filled up to four bytes.
    mutating func append(attribute type: UInt16, _ payload: [UInt8]) {
        append(UInt16(clamping: payload.count + 4))
        append(type)
        bytes += payload
        while bytes.count % 4 != 0 { bytes.append(0) }
    }

    /// Appends an attribute that is a number.
    mutating func append(attribute type: UInt16, _ value: UInt32) {
        append(attribute: type, unsafe withUnsafeBytes(of: value) { unsafe Array($0) })
    }

    /// The request with its length filled in.
    func finished() -> [UInt8] {
        var result = bytes
        unsafe withUnsafeBytes(of: UInt32(clamping: bytes.count)) { unsafe result.replaceSubrange(0..<4, with: $0) }
        return result
    }
}

/// One message of an answer.
struct NetlinkReply {
    let type: UInt16
    let flags: UInt16
    let sequence: UInt32
    /// What follows the header.
    let body: ArraySlice<UInt8>

    /// Splits what was received into messages. Stops at the first that does not fit.
    static func split(_ bytes: [UInt8]) -> [NetlinkReply] {
        var replies: [NetlinkReply] = []
        var rest = bytes[...]
        while let length = rest.number(at: 0, UInt32.self).map(Int.init), length >= 16, length <= rest.count,
            let type = rest.number(at: 4, UInt16.self), let flags = rest.number(at: 6, UInt16.self),
            let sequence = rest.number(at: 8, UInt32.self)
        {
            let body = rest.dropFirst(16).prefix(length - 16)
            replies.append(NetlinkReply(type: type, flags: flags, sequence: sequence, body: body))
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return replies
    }

    /// The attributes behind a fixed part of `size` bytes, the last one of each type.
    func attributes(after size: Int) -> [UInt16: ArraySlice<UInt8>] {
        var found: [UInt16: ArraySlice<UInt8>] = [:]
        var rest = body.dropFirst(size)
        while let length = rest.number(at: 0, UInt16.self).map(Int.init), length >= 4, length <= rest.count,
            let type = rest.number(at: 2, UInt16.self)
        {
            found[type & 0x3fff] = rest.dropFirst(4).prefix(length - 4)
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return found
    }
}

extension ArraySlice<UInt8> {
    /// The number at an offset from the slice's start, in the machine's own order; nil when it does not fit.
    func number<Number: FixedWidthInteger>(at offset: Int, _ type: Number.Type) -> Number? {
        let size = MemoryLayout<Number>.size
        guard offset >= 0, count >= size, offset <= count - size else { return nil }
        return unsafe withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
    }
}
