internal import Glibc
public import VPNFormats

/// Asks the Linux kernel. Changes nothing but for a socket or file that is closed or removed at once.
public struct LinuxHostProbe: HostProbe {
    /// A probe of this machine.
    public init() {}

    /// Opens `/dev/net/tun` and closes it again.
    public func tunDevice() -> ProbeAnswer {
        let opened = open("/dev/net/tun", O_RDWR | O_CLOEXEC)
        guard opened >= 0 else { return Self.answer(SystemError.current) }
        _ = close(opened)
        return .yes
    }

    /// Reads the effective capabilities of this process (`/proc/self/status`, `CapEff`, bit 12).
    public func mayConfigureNetwork() -> Bool {
        guard let status = text("/proc/self/status"),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("CapEff:") }),
            let word = line.split(whereSeparator: \.isWhitespace).last, let bits = UInt64(word, radix: 16)
        else { return false }
        return bits & (1 << 12) != 0
    }

    /// Reads the kernel's switch.
    public func forwarding(_ family: AddressFamily) -> Bool? {
        let path =
            switch family {
            case .ipv4: "/proc/sys/net/ipv4/ip_forward"
            case .ipv6: "/proc/sys/net/ipv6/conf/all/forwarding"
            }
        return text(path).map { $0.first == "1" || $0.first == "2" }
    }

    /// Binds a socket without sharing the port, and closes it.
    public func canListen(on address: ListenAddress) -> ProbeAnswer {
        if let ip = address.address { return BoundSocket.attempt(address.transport, ip, address.port) }
        for ip in [IPAddress("0.0.0.0"), IPAddress("::")].compactMap(\.self) {
            let one = BoundSocket.attempt(address.transport, ip, address.port)
            // A machine without IPv6 cannot listen on it, and need not.
            if case .missing = one, !ip.isIPv4 { continue }
            guard one == .yes else { return one }
        }
        return .yes
    }

    /// Reads the interfaces' addresses.
    public func networks() -> [InterfaceNetwork] {
        var head: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&head) == 0 else { return [] }
        defer { freeifaddrs(head) }
        var found: [InterfaceNetwork] = []
        var next = head
        while let interface = next?.pointee {
            next = interface.ifa_next
            guard interface.ifa_flags & UInt32(IFF_LOOPBACK) == 0,
                let address = Self.address(interface.ifa_addr), let mask = Self.address(interface.ifa_netmask),
                let prefix = IPPrefix(containing: address, length: mask.bytes.reduce(0) { $0 + $1.nonzeroBitCount })
            else { continue }
            let name = String(cString: interface.ifa_name)
            found.append(InterfaceNetwork(interface: name, address: address, prefix: prefix))
        }
        return found
    }

    /// Looks through the path, and where administrators' programs are.
    public func hasProgram(_ name: String) -> Bool {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        return (path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]).contains {
            access("\($0)/\(name)", X_OK) == 0
        }
    }

    /// Asks the system's resolver. May take as long as that waits for an answer, some seconds.
    public func resolve(_ name: String) -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_DGRAM.rawValue)
        var head: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &head) == 0 else { return [] }
        defer { freeaddrinfo(head) }
        var found: [IPAddress] = []
        var next = head
        while let entry = next?.pointee {
            next = entry.ai_next
            if let address = Self.address(entry.ai_addr) { found.append(address) }
        }
        return found
    }

    /// Asks the kernel.
    public func facts(of path: String) -> FileFacts? { (try? FileFacts.read(path)) ?? nil }

    /// Makes a file and removes it.
    public func canWrite(to directory: String) -> ProbeAnswer {
        let path = "\(directory)/.doctor.\(getpid()).tmp"
        let opened = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard opened >= 0 else { return Self.answer(SystemError.current) }
        _ = close(opened)
        _ = unlink(path)
        return .yes
    }

    /// What users other than root have left.
    public func freeBytes(at directory: String) -> Int64? {
        var status = statvfs()
        guard statvfs(directory, &status) == 0 else { return nil }
        let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflow ? .max : Int64(clamping: bytes)
    }

    /// What `gethostname` says.
    public func hostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The effective user.
    public func userID() -> UInt32 { geteuid() }

    /// The real-time clock.
    public func nowMicroseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }

    /// What kind of answer an error of the kernel is.
    static func answer(_ error: SystemError) -> ProbeAnswer {
        switch error.number {
        case ENOENT, ENODEV, ENXIO, EAFNOSUPPORT, EADDRNOTAVAIL: .missing(error.text)
        case EADDRINUSE, EBUSY: .taken(error.text)
        case EACCES, EPERM: .denied(error.text)
        default: .no(error.text)
        }
    }

    private static func address(_ pointer: UnsafeMutablePointer<sockaddr>?) -> IPAddress? {
        guard let pointer else { return nil }
        switch CInt(pointer.pointee.sa_family) {
        case AF_INET:
            return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                IPAddress.v4(IPv4Address(bits: UInt32(bigEndian: $0.pointee.sin_addr.s_addr)))
            }
        case AF_INET6:
            return pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { name in
                withUnsafeBytes(of: name.pointee.sin6_addr) { IPAddress(bytes: Array($0)) }
            }
        default: return nil
        }
    }

    private func text(_ path: String) -> String? {
        guard let bytes = try? FileBytes.read(path, limitBytes: 65_536) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A socket that is bound and closed again, to learn whether a port is free.
private enum BoundSocket {
    static func attempt(_ transport: TransportProtocol, _ ip: IPAddress, _ port: UInt16) -> ProbeAnswer {
        let kind = CInt((transport == .udp ? SOCK_DGRAM : SOCK_STREAM).rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let number = socket(ip.isIPv4 ? AF_INET : AF_INET6, kind, 0)
        guard number >= 0 else { return LinuxHostProbe.answer(SystemError.current) }
        let done =
            switch ip {
            case .v4(let address): bindIPv4(number, address, port)
            case .v6(let address): bindIPv6(number, address, port)
            }
        let answer = done == 0 ? ProbeAnswer.yes : LinuxHostProbe.answer(SystemError.current)
        _ = close(number)
        return answer
    }

    private static func bindIPv4(_ number: CInt, _ address: IPv4Address, _ port: UInt16) -> CInt {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        name.sin_addr.s_addr = address.bits.bigEndian
        return withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static func bindIPv6(_ number: CInt, _ address: IPv6Address, _ port: UInt16) -> CInt {
        var only: CInt = 1
        setsockopt(number, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &only, socklen_t(MemoryLayout<CInt>.size))
        var name = sockaddr_in6()
        name.sin6_family = sa_family_t(AF_INET6)
        name.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &name.sin6_addr) { $0.copyBytes(from: address.bytes) }
        return withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
    }
}
