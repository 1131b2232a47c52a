internal import CLinuxIO
public import VPNFormats

extension SocketAddress {
    init?(_ address: clinuxio_address) {
        guard let ip = IPAddress(address) else { return nil }
        self.init(ip: ip, port: address.port, scope: address.scope)
    }

    var forKernel: clinuxio_address {
        var address = ip.forKernel
        address.port = port
        address.scope = scope
        return address
    }
}

extension IPAddress {
    init?(_ address: clinuxio_address) {
        switch address.family {
        case 4: self = .v4(IPv4Address(bits: UInt32(truncatingIfNeeded: address.low)))
        case 6: self = .v6(IPv6Address(bits: UInt128(address.high) << 64 | UInt128(address.low)))
        default: return nil
        }
    }

    var forKernel: clinuxio_address {
        var address = clinuxio_address()
        switch self {
        case .v4(let v4):
            address.family = 4
            address.low = UInt64(v4.bits)
        case .v6(let v6):
            address.family = 6
            address.high = UInt64(truncatingIfNeeded: v6.bits >> 64)
            address.low = UInt64(truncatingIfNeeded: v6.bits)
        }
        return address
    }
}

/// The own address that a datagram came to, and that its answers must leave from.
public struct LocalEndpoint: Hashable, Sendable {
    /// The address. Of a broadcast it is the address that answers should have.
    public var ip: IPAddress
    /// Index of the interface that the datagram came in by. Used for sending only with link-local addresses, so that
    /// answers to all others go by the routing table.
    public var interfaceIndex: UInt32

    /// Makes an endpoint.
    public init(ip: IPAddress, interfaceIndex: UInt32 = 0) {
        self.ip = ip
        self.interfaceIndex = interfaceIndex
    }
}

/// A datagram that was received. Valid until the batch that it lies in receives again.
@safe
public struct ReceivedDatagram {
    /// The bytes, which the holder may overwrite: packets are decrypted where they lie.
    @safe public let bytes: UnsafeMutableRawBufferPointer
    /// Who sent it.
    public let remote: SocketAddress
    /// Where it came to.
    public let local: LocalEndpoint
}

/// Datagrams of one receiving call, in memory that is allocated once.
///
/// Not sendable: owned by one shard and used from its thread alone. A socket fills it, ``UDPSocket/receive(into:)``.
/// A later receiver that gets several datagrams of one flow as one (UDP_GRO) hands them out here one by one all the same.
@safe
public final class ReceiveBatch {
    let storage: UnsafeMutablePointer<clinuxio_batch>

    /// Number of datagrams in the batch.
    public internal(set) var count = 0

    /// Room for `capacity` datagrams of at most `slotBytes` each. Longer ones are dropped and counted.
    ///
    /// - Parameters:
    ///   - capacity: 1 to 1,024.
    ///   - slotBytes: 1 to 65,535.
    /// - Throws: ``NetworkError`` `.invalidArgument` when a number is out of range or memory runs out.
    public init(capacity: Int = 64, slotBytes: Int = 2_048) throws(NetworkError) {
        unsafe storage = try makeBatch(capacity, slotBytes)
    }

    deinit {
        unsafe clinuxio_batch_free(storage)
    }

    /// The datagram at `index`, 0 ..< ``count``; nil for one that is unusable (cut short, or without an address).
    public subscript(index: Int) -> ReceivedDatagram? {
        guard (0..<count).contains(index) else { return nil }
        let raw = unsafe storage.pointee.datagrams[index]
        guard
            raw.truncated == 0, let remote = SocketAddress(raw.remote), let local = IPAddress(raw.local)
        else { return nil }
        let start = unsafe storage.pointee.slab + index * storage.pointee.slot_bytes
        return unsafe ReceivedDatagram(
            bytes: UnsafeMutableRawBufferPointer(start: start, count: raw.length), remote: remote,
            local: LocalEndpoint(ip: local, interfaceIndex: raw.interface))
    }
}

/// Datagrams that wait to be sent in one call, in memory that is allocated once.
///
/// Made in two steps, so that a packet is read and encrypted where it is sent from: ``reserve()`` gives the next free
/// slot, ``commit(byteCount:to:from:)`` puts it in line. Not sendable: owned by one shard and used from its thread alone.
/// A later sender that joins datagrams of one flow (UDP_SEGMENT) does so when the batch is sent.
@safe
public final class SendBatch {
    let storage: UnsafeMutablePointer<clinuxio_batch>
    let capacity: Int

    /// Number of datagrams in line.
    public internal(set) var count = 0

    /// Room for `capacity` datagrams of at most `slotBytes` each.
    ///
    /// - Parameters:
    ///   - capacity: 1 to 1,024.
    ///   - slotBytes: 1 to 65,535.
    /// - Throws: ``NetworkError`` `.invalidArgument` when a number is out of range or memory runs out.
    public init(capacity: Int = 64, slotBytes: Int = 2_048) throws(NetworkError) {
        unsafe storage = try makeBatch(capacity, slotBytes)
        self.capacity = capacity
    }

    deinit {
        unsafe clinuxio_batch_free(storage)
    }

    /// True if the batch must be sent before there is room again.
    public var isFull: Bool { count >= capacity }

    /// The next free slot, as long as it is not committed always the same one; nil when the batch is full.
    public func reserve() -> UnsafeMutableRawBufferPointer? {
        guard !isFull else { return nil }
        let start = unsafe storage.pointee.slab + count * storage.pointee.slot_bytes
        return unsafe UnsafeMutableRawBufferPointer(start: start, count: storage.pointee.slot_bytes)
    }

    /// Puts the reserved slot in line.
    ///
    /// - Parameters:
    ///   - byteCount: Bytes of the slot that are the datagram.
    ///   - remote: Who gets it.
    ///   - local: The own address that it leaves from; nil lets the kernel choose.
    /// - Returns: False if the batch is full or the slot is shorter than that; nothing is in line then.
    @discardableResult
    public func commit(byteCount: Int, to remote: SocketAddress, from local: LocalEndpoint?) -> Bool {
        guard !isFull, byteCount >= 0, unsafe byteCount <= storage.pointee.slot_bytes else { return false }
        var datagram = clinuxio_datagram()
        datagram.remote = remote.forKernel
        datagram.length = byteCount
        if let local {
            datagram.local = local.ip.forKernel
            datagram.interface = local.interfaceIndex
        }
        unsafe storage.pointee.datagrams[count] = datagram
        count += 1
        return true
    }

    /// Copies a datagram into the next slot and puts it in line.
    ///
    /// - Returns: False if the batch is full or the datagram too long.
    @discardableResult
    public func append(_ bytes: [UInt8], to remote: SocketAddress, from local: LocalEndpoint?) -> Bool {
        guard let slot = unsafe reserve(), bytes.count <= slot.count else { return false }
        unsafe slot.copyBytes(from: bytes)
        return commit(byteCount: bytes.count, to: remote, from: local)
    }
}

private func makeBatch(
    _ capacity: Int, _ slotBytes: Int
) throws(NetworkError) -> UnsafeMutablePointer<clinuxio_batch> {
    guard
        (1...1_024).contains(capacity), (1...65_535).contains(slotBytes),
        let storage = unsafe clinuxio_batch_create(CUnsignedInt(capacity), slotBytes)
    else {
        throw NetworkError(
            .invalidArgument, "a batch holds 1 to 1024 datagrams of 1 to 65535 bytes, as far as there is memory")
    }
    return unsafe storage
}
