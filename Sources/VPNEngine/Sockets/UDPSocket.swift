internal import CLinuxIO
internal import Glibc
public import VPNFormats

/// What became of datagrams since a socket was made.
public struct UDPCounters: Sendable, Hashable {
    /// Datagrams that were received, unusable ones included.
    public var received: UInt64 = 0
    /// Datagrams that were longer than a slot.
    public var truncated: UInt64 = 0
    /// Datagrams that were handed to the kernel.
    public var sent: UInt64 = 0
    /// Datagrams dropped because the socket's buffer or the interface's queue was full.
    public var droppedFull: UInt64 = 0
    /// Datagrams dropped because they are longer than the path takes.
    public var droppedTooLong: UInt64 = 0
    /// Datagrams dropped because there is no way to their receiver, or not from that address.
    public var droppedUnreachable: UInt64 = 0
    /// Datagrams dropped for any other reason.
    public var droppedOther: UInt64 = 0

    /// Makes counters that stand at zero.
    public init() {}
}

/// A bound UDP socket of one address family, without waiting, in batches.
///
/// Answers leave from the address that a datagram came to, also on machines with several. Not sendable: owned by one
/// shard and used from its thread alone.
public final class UDPSocket {
    /// The address and port that the socket is bound to, with the port that the kernel chose if 0 was asked for.
    public let localAddress: SocketAddress
    /// What became of datagrams so far.
    public private(set) var counters = UDPCounters()

    private let descriptor: FileDescriptor

    /// Descriptor to wait on for readability.
    package var fileDescriptor: CInt { descriptor.number }

    /// - Parameters:
    ///   - address: Where to listen. An IPv6 address, `::` too, means IPv6 only. Port 0 lets the kernel choose.
    ///   - reusePort: Lets several sockets of this user share the port; the kernel spreads the flows over them.
    ///   - bufferBytes: Size of each of the kernel's two buffers; beyond the system's limit only with CAP_NET_ADMIN.
    /// - Throws: ``NetworkError`` `.addressInUse`, `.addressUnavailable`, `.permission`.
    public init(
        listening address: SocketAddress, reusePort: Bool = false, bufferBytes: Int = 4 * 1024 * 1024
    ) throws(NetworkError) {
        var bound = address.forKernel
        let size = CInt(clamping: max(4_096, bufferBytes))
        let result = unsafe clinuxio_udp_open(&bound, reusePort ? 1 : 0, size)
        guard result >= 0 else { throw .system("cannot listen on udp \(address)", -result) }
        descriptor = FileDescriptor(owning: result)
        _ = unsafe clinuxio_local_address(result, &bound)
        localAddress = SocketAddress(bound) ?? address
    }

    /// Receives what has come, without waiting.
    ///
    /// - Returns: The number of datagrams, which is also the batch's count; 0 when nothing has come. A return of the whole
    ///   capacity means that there may be more.
    /// - Throws: ``NetworkError`` when the socket can no longer be used. Errors that a peer can cause never throw.
    @discardableResult
    public func receive(into batch: ReceiveBatch) throws(NetworkError) -> Int {
        batch.count = 0
        let result = unsafe clinuxio_batch_receive(batch.storage, fileDescriptor)
        guard result >= 0 else {
            switch -result {
            case EBADF, ENOTSOCK, EFAULT, EINVAL: throw .system("cannot receive on udp \(localAddress)", -result)
            default: return 0
            }
        }
        batch.count = Int(result)
        counters.received += UInt64(result)
        for index in 0..<batch.count where unsafe batch.storage.pointee.datagrams[index].truncated != 0 {
            counters.truncated += 1
        }
        return batch.count
    }

    /// Sends all of a batch, without waiting, and empties it. What cannot be sent is dropped and counted: the tunnelled
    /// protocols and the control channel repeat what they need.
    public func send(_ batch: SendBatch) {
        var first = 0
        while first < batch.count {
            let result = unsafe clinuxio_batch_send(
                batch.storage, fileDescriptor, CUnsignedInt(first), CUnsignedInt(batch.count))
            if result > 0 {
                counters.sent += UInt64(result)
                first += Int(result)
            } else if result == -EINTR {
                continue
            } else {
                first += countDropped(-result, waiting: batch.count - first)
            }
        }
        batch.count = 0
    }

    /// Counts what an error makes impossible to send: the first datagram, or all of them when the buffer is full.
    private func countDropped(_ number: CInt, waiting: Int) -> Int {
        switch number {
        case EAGAIN:
            counters.droppedFull += UInt64(waiting)
            return waiting
        case ENOBUFS, ENOMEM:
            counters.droppedFull += 1
        case EMSGSIZE:
            counters.droppedTooLong += 1
        case ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN, EADDRNOTAVAIL, EPERM, EINVAL, EACCES:
            counters.droppedUnreachable += 1
        default:
            counters.droppedOther += 1
        }
        return 1
    }
}
