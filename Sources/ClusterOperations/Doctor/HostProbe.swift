public import VPNFormats

/// What the doctor asks the machine. A protocol, so that every answer can be given in a test.
public protocol HostProbe: Sendable {
    /// Whether the kernel's tun device can be opened.
    func tunDevice() -> ProbeAnswer
    /// Whether this process may configure the network (`CAP_NET_ADMIN`).
    func mayConfigureNetwork() -> Bool
    /// Whether the kernel forwards packets; `nil` where it does not say (no IPv6, for instance).
    func forwarding(_ family: AddressFamily) -> Bool?
    /// Whether a UDP or TCP port can be bound.
    func canListen(on address: ListenAddress) -> ProbeAnswer
    /// The networks that the machine's interfaces are on, without the loopback's.
    func networks() -> [InterfaceNetwork]
    /// Whether a program is found on the path.
    func hasProgram(_ name: String) -> Bool
    /// The addresses of a name; empty when it does not resolve.
    func resolve(_ name: String) -> [IPAddress]
    /// What is known of a file; `nil` when it does not exist or cannot be seen.
    func facts(of path: String) -> FileFacts?
    /// Whether this process may make files in a directory.
    func canWrite(to directory: String) -> ProbeAnswer
    /// The free space where a directory is, in bytes; `nil` when unknown.
    func freeBytes(at directory: String) -> Int64?
    /// The machine's own name; empty when it has none.
    func hostName() -> String
    /// The user that the process acts as.
    func userID() -> UInt32
    /// The machine's clock in microseconds since 1970 UTC.
    func nowMicroseconds() -> Int64
}

/// A yes, or a no with what the kernel says.
public enum ProbeAnswer: Sendable, Hashable {
    /// It can be done.
    case yes
    /// What it needs does not exist.
    case missing(String)
    /// Somebody else has it.
    case taken(String)
    /// This process may not.
    case denied(String)
    /// It cannot be done for another reason.
    case no(String)
}

/// The two families of Internet addresses.
public enum AddressFamily: String, Sendable, Hashable, CaseIterable {
    /// IPv4.
    case ipv4 = "IPv4"
    /// IPv6.
    case ipv6 = "IPv6"
}

/// A network that an interface of the machine is on.
public struct InterfaceNetwork: Sendable, Hashable {
    /// The interface's name.
    public var interface: String
    /// The interface's own address.
    public var address: IPAddress
    /// The network.
    public var prefix: IPPrefix

    /// An interface's network.
    public init(interface: String, address: IPAddress, prefix: IPPrefix) {
        self.interface = interface
        self.address = address
        self.prefix = prefix
    }
}
