public import VPNFormats

/// Where a datagram came from and where it arrived: an answer goes back the same way, from the same local address.
public struct NetworkPath: Hashable, Sendable {
    /// The other end.
    public let remote: SocketAddress
    /// The address of ours that the datagram was sent to; nil where it is not known.
    public let local: IPAddress?
    /// The interface it arrived on, as the kernel numbers it; 0 where it does not matter.
    public let interfaceIndex: UInt32
    /// Which of the driver's sockets it arrived on.
    public let socket: UInt16

    /// A path; what is not known may be left out.
    public init(remote: SocketAddress, local: IPAddress? = nil, interfaceIndex: UInt32 = 0, socket: UInt16 = 0) {
        self.remote = remote
        self.local = local
        self.interfaceIndex = interfaceIndex
        self.socket = socket
    }
}
