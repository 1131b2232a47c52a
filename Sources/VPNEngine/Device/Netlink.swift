internal import CLinuxIO
internal import Glibc
public import VPNFormats

/// An address with the length of its network, as an interface has it.
public struct InterfaceAddress: Hashable, Sendable {
    /// The address itself, host bits included.
    public var address: IPAddress
    /// Length of the network part in bits.
    public var prefixLength: Int
    /// Number of the interface that has it; 0 in an address that is yet to be given to one.
    public var interfaceIndex: UInt32

    /// Makes an address.
    public init(_ address: IPAddress, prefixLength: Int, interfaceIndex: UInt32 = 0) {
        self.address = address
        self.prefixLength = prefixLength
        self.interfaceIndex = interfaceIndex
    }

    /// The network that the address is in; nil for a length that the family does not have.
    public var network: IPPrefix? { IPPrefix(containing: address, length: prefixLength) }
}

/// A route of the kernel's main table.
public struct Route: Hashable, Sendable {
    /// Where to; of length 0 for the default route.
    public var destination: IPPrefix
    /// By which interface; 0 where the kernel has several or none.
    public var interfaceIndex: UInt32
    /// By which neighbour; nil for what is on the link.
    public var gateway: IPAddress?

    /// Makes a route.
    public init(to destination: IPPrefix, interfaceIndex: UInt32, gateway: IPAddress? = nil) {
        self.destination = destination
        self.interfaceIndex = interfaceIndex
        self.gateway = gateway
    }
}

/// Links, addresses and routes through the kernel's routing netlink (rtnetlink(7)), without the `ip` program.
///
/// Blocking, though the kernel answers at once: for start-up and changes, not for the packet path. Not sendable.
public final class Netlink {
    private let descriptor: FileDescriptor
    private var sequence: UInt32 = 0

    private enum MessageType {
        static let error: UInt16 = 2
        static let done: UInt16 = 3
        static let newLink: UInt16 = 16
        static let newAddress: UInt16 = 20
        static let getAddress: UInt16 = 22
        static let newRoute: UInt16 = 24
        static let deleteRoute: UInt16 = 25
        static let getRoute: UInt16 = 26
    }

    private enum Flags {
        static let request: UInt16 = 0x1
        static let acknowledge: UInt16 = 0x4
        static let dump: UInt16 = 0x300
        static let exclusive: UInt16 = 0x200
        static let create: UInt16 = 0x400
    }

    /// - Throws: ``NetworkError`` when there is no socket to be had.
    public init() throws(NetworkError) {
        let number = clinuxio_netlink_open()
        guard number >= 0 else { throw .system("cannot talk to the kernel's routing", -number) }
        descriptor = FileDescriptor(owning: number)
    }

    // MARK: Changes

    /// Sets an interface up or down and, if given, its MTU in bytes. Needs CAP_NET_ADMIN.
    ///
    /// - Throws: ``NetworkError`` with what the kernel refused.
    public func setLink(_ interfaceIndex: UInt32, up: Bool, mtu: UInt32? = nil) throws(NetworkError) {
        var request = begin(MessageType.newLink, Flags.acknowledge)
        request.append(UInt8(0))  // family: any
        request.append(UInt8(0))
        request.append(UInt16(0))
        request.append(interfaceIndex)
        request.append(UInt32(up ? 1 : 0))  // IFF_UP
        request.append(UInt32(1))  // of which only IFF_UP is to change
        if let mtu { request.append(attribute: 4, mtu) }
        try perform(request, "cannot set the interface \(Self.interfaceName(interfaceIndex)) \(up ? "up" : "down")")
    }

    /// Gives an interface an address. The route to its network comes with it. Needs CAP_NET_ADMIN.
    ///
    /// - Throws: ``NetworkError``: `.alreadyExists`, or what else the kernel refused.
    public func addAddress(_ address: InterfaceAddress, to interfaceIndex: UInt32) throws(NetworkError) {
        guard let prefixLength = UInt8(exactly: address.prefixLength), address.network != nil else {
            throw NetworkError(.invalidArgument, "\(address.address) has no prefix of \(address.prefixLength) bits")
        }
        var request = begin(MessageType.newAddress, Flags.acknowledge | Flags.create | Flags.exclusive)
        request.append(Self.family(of: address.address))
        request.append(prefixLength)
        request.append(UInt8(address.address.isIPv4 ? 0 : 0x02))  // IFA_F_NODAD
        request.append(UInt8(0))  // scope: everywhere
        request.append(interfaceIndex)
        request.append(attribute: 2, address.address.bytes)  // IFA_LOCAL
        request.append(attribute: 1, address.address.bytes)  // IFA_ADDRESS
        try perform(
            request,
            "cannot give \(Self.interfaceName(interfaceIndex)) the address \(address.address)/\(address.prefixLength)")
    }

    /// Adds a route to the main table. Needs CAP_NET_ADMIN.
    ///
    /// - Throws: ``NetworkError``: `.alreadyExists`, or what else the kernel refused.
    public func addRoute(_ route: Route) throws(NetworkError) {
        let request = routeRequest(
            MessageType.newRoute, Flags.acknowledge | Flags.create | Flags.exclusive, route)
        try perform(request, "cannot add the route to \(route.destination)")
    }

    /// Removes a route from the main table. Needs CAP_NET_ADMIN.
    ///
    /// - Throws: ``NetworkError``: `.notFound`, or what else the kernel refused.
    public func removeRoute(_ route: Route) throws(NetworkError) {
        try perform(
            routeRequest(MessageType.deleteRoute, Flags.acknowledge, route),
            "cannot remove the route to \(route.destination)")
    }

    private func routeRequest(_ type: UInt16, _ flags: UInt16, _ route: Route) -> NetlinkRequest {
        var request = begin(type, flags)
        request.append(Self.family(of: route.destination.address))
        request.append(UInt8(clamping: route.destination.length))
        request.append(UInt8(0))  // source prefix
        request.append(UInt8(0))  // type of service
        request.append(UInt8(254))  // RT_TABLE_MAIN
        request.append(UInt8(4))  // RTPROT_STATIC
        let onLink = route.gateway == nil && route.destination.address.isIPv4
        request.append(UInt8(onLink ? 253 : 0))  // RT_SCOPE_LINK or RT_SCOPE_UNIVERSE
        request.append(UInt8(1))  // RTN_UNICAST
        request.append(UInt32(0))
        request.append(attribute: 1, route.destination.address.bytes)  // RTA_DST
        if route.interfaceIndex != 0 { request.append(attribute: 4, route.interfaceIndex) }  // RTA_OIF
        if let gateway = route.gateway { request.append(attribute: 5, gateway.bytes) }  // RTA_GATEWAY
        return request
    }

    // MARK: Lists

    /// The addresses of all interfaces.
    ///
    /// - Throws: ``NetworkError`` when the kernel does not answer.
    public func addresses() throws(NetworkError) -> [InterfaceAddress] {
        var request = begin(MessageType.getAddress, Flags.dump)
        request.append(UInt64(0))
        return try dump(request, MessageType.newAddress, "cannot list this machine's addresses").compactMap { reply in
            guard let length = reply.body.number(at: 1, UInt8.self), let index = reply.body.number(at: 4, UInt32.self)
            else { return nil }
            let attributes = reply.attributes(after: 8)
            // On point-to-point links IFA_ADDRESS is the other end; IFA_LOCAL is missing with IPv6.
            guard let bytes = attributes[2] ?? attributes[1], let address = IPAddress(bytes: bytes) else { return nil }
            return InterfaceAddress(address, prefixLength: Int(length), interfaceIndex: index)
        }
    }

    /// The unicast routes of the main table, default routes included.
    ///
    /// - Throws: ``NetworkError`` when the kernel does not answer.
    public func routes() throws(NetworkError) -> [Route] {
        var request = begin(MessageType.getRoute, Flags.dump)
        request.append(UInt64(0))
        request.append(UInt32(0))
        return try dump(request, MessageType.newRoute, "cannot list this machine's routes").compactMap(Self.route)
    }

    private static func route(_ reply: NetlinkReply) -> Route? {
        guard
            let family = reply.body.number(at: 0, UInt8.self), let length = reply.body.number(at: 1, UInt8.self),
            reply.body.number(at: 4, UInt8.self) == 254, reply.body.number(at: 7, UInt8.self) == 1
        else { return nil }
        let attributes = reply.attributes(after: 12)
        let any: IPAddress = CInt(family) == AF_INET ? .v4(.any) : .v6(.any)
        guard
            CInt(family) == AF_INET || CInt(family) == AF_INET6,
            let address = attributes[1].map({ IPAddress(bytes: $0) }) ?? any,
            let destination = IPPrefix(containing: address, length: Int(length))
        else { return nil }
        let gateway = attributes[5].flatMap { IPAddress(bytes: $0) }
        let index = attributes[4].flatMap { $0.number(at: 0, UInt32.self) } ?? 0
        return Route(to: destination, interfaceIndex: index, gateway: gateway)
    }

    /// What an interface is called; its number where it has gone.
    public static func interfaceName(_ index: UInt32) -> String {
        var buffer = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
        guard let name = unsafe if_indextoname(index, &buffer) else { return "#\(index)" }
        return unsafe String(cString: name)
    }

    private static func family(of address: IPAddress) -> UInt8 {
        UInt8(address.isIPv4 ? AF_INET : AF_INET6)
    }

    // MARK: Exchange

    private func begin(_ type: UInt16, _ flags: UInt16) -> NetlinkRequest {
        sequence &+= 1
        return NetlinkRequest(type: type, flags: flags | Flags.request, sequence: sequence)
    }

    private func perform(_ request: NetlinkRequest, _ action: String) throws(NetworkError) {
        try send(request, action)
        while true {
            for reply in try receive(action) where reply.sequence == sequence && reply.type == MessageType.error {
                return try check(reply, action)
            }
        }
    }

    private func dump(
        _ request: NetlinkRequest, _ type: UInt16, _ action: String
    ) throws(NetworkError) -> [NetlinkReply] {
        try send(request, action)
        var found: [NetlinkReply] = []
        while true {
            for reply in try receive(action) where reply.sequence == sequence {
                switch reply.type {
                case MessageType.done: return found
                case MessageType.error: try check(reply, action)
                case type: found.append(reply)
                default: break
                }
            }
        }
    }

    /// Throws the error of an acknowledgement, unless it is success.
    private func check(_ reply: NetlinkReply, _ action: String) throws(NetworkError) {
        guard let code = reply.body.number(at: 0, Int32.self) else {
            throw NetworkError(.system, "\(action): the kernel's answer is cut short")
        }
        if code != 0 { throw .system(action, code == .min ? EIO : -code) }
    }

    private func send(_ request: NetlinkRequest, _ action: String) throws(NetworkError) {
        let bytes = request.finished()
        let sent = unsafe bytes.withUnsafeBytes { unsafe Glibc.send(descriptor.number, $0.baseAddress, $0.count, 0) }
        guard sent == bytes.count else { throw .system(action, sent < 0 ? errno : EIO) }
    }

    private func receive(_ action: String) throws(NetworkError) -> [NetlinkReply] {
        var failure: CInt = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 64 * 1024) { buffer, count in
            var received: Int
            repeat {
                received = unsafe recv(descriptor.number, buffer.baseAddress, buffer.count, 0)
            } while received < 0 && errno == EINTR
            if received < 0 { failure = errno }
            count = max(0, received)
        }
        guard failure == 0 else { throw .system(action, failure) }
        return NetlinkReply.split(bytes)
    }
}
