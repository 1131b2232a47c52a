internal import Glibc

/// Whether the kernel passes packets on from one interface to another. A switch of the whole machine (more exactly of its
/// network namespace); the engine turns it on and leaves it on, since others may rely on it by then.
public enum Forwarding: Sendable, Hashable, CaseIterable {
    /// `net.ipv4.ip_forward`.
    case ipv4
    /// `net.ipv6.conf.all.forwarding`.
    case ipv6

    private var setting: KernelSetting {
        switch self {
        case .ipv4: KernelSetting("/proc/sys/net/ipv4/ip_forward")
        case .ipv6: KernelSetting("/proc/sys/net/ipv6/conf/all/forwarding")
        }
    }

    /// Whether it is on.
    ///
    /// - Throws: ``NetworkError`` `.notFound` where the kernel lacks the family.
    public func isEnabled() throws(NetworkError) -> Bool {
        try setting.read() == "1"
    }

    /// Turns it on where it is off.
    ///
    /// With IPv6 a machine that forwards no longer takes its own default route from router advertisements, unless told to
    /// (`accept_ra` 2): interfaces that do take it now are told so first, or the machine would lose its connection.
    ///
    /// - Returns: The settings that were changed, as `sysctl` writes them, for the log. Empty if it was on.
    /// - Throws: ``NetworkError`` with advice.
    public func enable() throws(NetworkError) -> [String] {
        guard try !isEnabled() else { return [] }
        switch self {
        case .ipv4:
            try setting.write("1")
            return ["net.ipv4.ip_forward = 1"]
        case .ipv6:
            let kept = keepRouterAdvertisements()
            try setting.write("1")
            return kept + ["net.ipv6.conf.all.forwarding = 1"]
        }
    }

    private func keepRouterAdvertisements() -> [String] {
        guard let list = unsafe if_nameindex() else { return [] }
        defer { unsafe if_freenameindex(list) }
        var changed: [String] = []
        var entry = unsafe list
        while let pointer = unsafe entry.pointee.if_name {
            let name = unsafe String(cString: pointer)
            let setting = KernelSetting("/proc/sys/net/ipv6/conf/\(name)/accept_ra")
            if (try? setting.read()) == "1", (try? setting.write("2")) != nil {
                changed.append("net.ipv6.conf.\(name).accept_ra = 2")
            }
            unsafe entry += 1
        }
        return changed
    }
}
