internal import CLinuxIO
internal import Glibc
internal import VPNFormats

/// The tunnel's network interface: what the kernel routes into it is read here, what is written here the kernel takes as
/// received. Bare IP packets, no link layer.
///
/// The interface lives as long as this object: it, its addresses and its routes disappear with the last descriptor, also
/// when the process is killed.
public final class TunDevice {
    /// What the interface is called, at most 15 bytes.
    public let name: String
    /// The kernel's number of the interface.
    public let interfaceIndex: UInt32
    /// The queues, one a shard. The kernel spreads flows over them and gives a flow's packets to one of them.
    public let queues: [TunQueue]

    /// Makes an interface. It is down and has no address yet; see ``configure(mtu:addresses:)``.
    ///
    /// - Parameters:
    ///   - name: At most 15 bytes out of letters, digits, `.`, `-`, `_`; `%d` in it becomes the lowest free number.
    ///   - queueCount: 1 to 256.
    /// - Throws: ``NetworkError``: `.noTunnelDevice`, `.permission`, `.alreadyExists`, `.invalidArgument`.
    public init(name: String, queueCount: Int = 1) throws(NetworkError) {
        guard Self.isValid(name: name), (1...256).contains(queueCount) else {
            throw NetworkError(
                .invalidArgument,
                "an interface name has 1 to 15 letters, digits, '.', '-' or '_', and may have one '%d' for a number")
        }
        let (first, assigned) = try Self.open(name: name, multiQueue: queueCount > 1, exclusive: true)
        var queues = [TunQueue(FileDescriptor(owning: first))]
        for _ in 1..<queueCount {
            let (further, _) = try Self.open(name: assigned, multiQueue: true, exclusive: false)
            queues.append(TunQueue(FileDescriptor(owning: further)))
        }
        self.name = assigned
        self.queues = queues
        interfaceIndex = unsafe if_nametoindex(assigned)
    }

    /// Whether the text can be an interface's name here. Narrower than the kernel's own rule, so that a name is safe in
    /// file names and rule sets.
    static func isValid(name: String) -> Bool {
        let bare = name.split(separator: "%d", maxSplits: 1, omittingEmptySubsequences: false).joined(separator: "0")
        let allowed = bare.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        return allowed && (1...15).contains(name.utf8.count) && name != "." && name != ".."
    }

    private static func open(
        name: String, multiQueue: Bool, exclusive: Bool
    ) throws(NetworkError) -> (CInt, String) {
        var buffer = [CChar](repeating: 0, count: 16)
        for (index, byte) in name.utf8.prefix(15).enumerated() { buffer[index] = CChar(bitPattern: byte) }
        let result = unsafe clinuxio_tun_open(&buffer, multiQueue ? 1 : 0, exclusive ? 1 : 0)
        guard result >= 0 else { throw openError(name, -result) }
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return (result, String(decoding: bytes, as: UTF8.self))
    }

    private static func openError(_ name: String, _ number: CInt) -> NetworkError {
        let action = "cannot make the tunnel interface \(name)"
        return switch number {
        case ENOTSUP:
            NetworkError(
                .noTunnelDevice, errorNumber: ENOENT,
                "\(action): there is no /dev/net/tun; load the module (modprobe tun), or give the container the device "
                    + "(--device /dev/net/tun)")
        case EPERM, EACCES:
            NetworkError(
                .permission, errorNumber: number, "\(action): not permitted; needs root or the capability CAP_NET_ADMIN"
            )
        case EBUSY, EEXIST, EINVAL:
            NetworkError(
                .alreadyExists, errorNumber: number,
                "\(action): an interface of that name exists; remove it (ip link del \(name)) or choose another name")
        default: .system(action, number)
        }
    }

    /// Gives the interface its MTU and addresses and sets it up.
    ///
    /// Duplicate address detection is off for IPv6 addresses: there is nobody else on this link, and it would keep the
    /// address unusable for a second.
    ///
    /// - Parameters:
    ///   - mtu: Bytes of the largest packet, 576 to 65,535; at least 1,280 with an IPv6 address.
    ///   - addresses: Own addresses, each with the length of the network that is reached by this interface.
    /// - Throws: ``NetworkError`` with what the kernel refused. Nothing is undone; the caller gives the device up.
    public func configure(mtu: Int, addresses: [InterfaceAddress]) throws(NetworkError) {
        guard (576...65_535).contains(mtu) else {
            throw NetworkError(.invalidArgument, "the tunnel's MTU must be 576 to 65535 bytes, not \(mtu)")
        }
        let netlink = try Netlink()
        if addresses.contains(where: { !$0.address.isIPv4 }) {
            // Machines that have IPv6 off by default refuse the address otherwise. Where the file is missing, IPv6 is off
            // altogether, and adding the address says so.
            try? KernelSetting("/proc/sys/net/ipv6/conf/\(name)/disable_ipv6").write("0")
        }
        try netlink.setLink(interfaceIndex, up: true, mtu: UInt32(mtu))
        for address in addresses { try netlink.addAddress(address, to: interfaceIndex) }
    }
}

/// One queue of a tunnel interface.
///
/// Not sendable: owned by one shard and used from its thread alone.
public final class TunQueue {
    private let descriptor: FileDescriptor
    /// Packets that the kernel refused, since the queue was made: malformed ones, or the interface was down.
    public private(set) var refusedWrites: UInt64 = 0

    /// Descriptor to wait on for readability.
    package var fileDescriptor: CInt { descriptor.number }

    init(_ descriptor: consuming FileDescriptor) {
        self.descriptor = descriptor
    }

    /// Reads the next packet, without waiting. A packet that is longer than the buffer is cut.
    ///
    /// - Returns: Its length in bytes; nil when none waits.
    /// - Throws: ``NetworkError`` `.notFound` when the interface was taken away.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(NetworkError) -> Int? {
        let length = unsafe Glibc.read(descriptor.number, buffer.baseAddress, buffer.count)
        if length >= 0 { return length }
        switch errno {
        case EAGAIN, EINTR: return nil
        case EIO: return nil  // The interface is down at the moment.
        case EBADFD:
            throw NetworkError(
                .notFound, errorNumber: EBADFD,
                "the tunnel interface is gone: another program removed it; find out which (ip link del), then start again"
            )
        default: throw .system("cannot read from the tunnel interface", errno)
        }
    }

    /// Hands the kernel a packet, without waiting. What it refuses is dropped and counted.
    ///
    /// - Returns: Whether it was taken.
    @discardableResult
    public func write(_ packet: UnsafeRawBufferPointer) -> Bool {
        let written = unsafe Glibc.write(descriptor.number, packet.baseAddress, packet.count)
        if written < 0 { refusedWrites += 1 }
        return written >= 0
    }
}
