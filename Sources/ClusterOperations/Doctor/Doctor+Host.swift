internal import VPNFormats

extension Doctor {
    func directoryFinding() -> Finding {
        let path = directory.path
        guard let facts = probe.facts(of: path) else {
            return .fail("data-directory", "\(path) does not exist", advice: "asnode --data \(path) init")
        }
        guard facts.kind == .directory else {
            return .fail("data-directory", "\(path) is not a directory", advice: "choose another with --data")
        }
        guard facts.mode & 0o077 == 0 else {
            return .fail(
                "data-directory", "other users can read \(path) (mode \(String(facts.mode, radix: 8)))",
                advice: "chmod 700 \(path)")
        }
        guard facts.owner == probe.userID() || probe.userID() == 0 else {
            return .fail("data-directory", "\(path) belongs to another user", advice: "run as the user that owns it")
        }
        return .ok("data-directory", "\(path) is closed to other users")
    }

    func writableFinding() -> Finding {
        let path = directory.path
        guard probe.facts(of: path) != nil else {
            return .fail("writable", "\(path) does not exist", advice: "asnode --data \(path) init")
        }
        switch probe.canWrite(to: path) {
        case .yes: return .ok("writable", "files can be made in \(path)")
        case .denied(let words):
            return .fail("writable", "no files can be made in \(path): \(words)", advice: "run as its owner or as root")
        case .missing(let words), .taken(let words), .no(let words):
            return .fail(
                "writable", "no files can be made in \(path): \(words)",
                advice: "make the file system writable and free some space")
        }
    }

    func spaceFinding() -> Finding {
        guard let free = probe.freeBytes(at: directory.path) else {
            return .warn("space", "the free space is not known", advice: "check it: df \(directory.path)")
        }
        let text = "\(free >> 20) MiB are free where \(directory.path) is"
        if free < Self.fullBytes { return .fail("space", text, advice: "free some space") }
        if free < Self.scarceBytes { return .warn("space", text, advice: "free some space before it runs out") }
        return .ok("space", text)
    }

    func clockFinding() -> Finding {
        guard probe.nowMicroseconds() >= SoftwareVersion.notBeforeMicroseconds else {
            return .fail(
                "clock", "the machine's clock shows a time before this release was made",
                advice: "set the clock; install a time service: apt-get install systemd-timesyncd")
        }
        return .ok("clock", "the machine's clock shows a plausible time")
    }

    func fileFindings() -> [Finding] {
        let names = [DataDirectory.settingsName, DataDirectory.keyName, DataDirectory.databaseName]
        return names.compactMap { name in
            let path = directory.file(name)
            guard let facts = probe.facts(of: path) else {
                guard name != DataDirectory.databaseName else { return nil }
                return .fail(
                    "file-\(name)", "\(path) does not exist",
                    advice: name == DataDirectory.keyName
                        ? "restore it from a copy; without it the database's secrets cannot be read"
                        : "asnode --data \(directory.path) init")
            }
            guard facts.mode & 0o077 == 0 else {
                return .fail("file-\(name)", "other users can read \(path)", advice: "chmod 600 \(path)")
            }
            return .ok("file-\(name)", "\(path) is closed to other users")
        }
    }

    func tunFinding() -> Finding {
        switch probe.tunDevice() {
        case .yes: .ok("tun", "/dev/net/tun can be opened")
        case .missing(let words):
            .fail(
                "tun", "the kernel offers no tun device (/dev/net/tun: \(words))",
                advice: "modprobe tun; in a container start it with --device /dev/net/tun")
        case .denied(let words), .taken(let words), .no(let words):
            .fail(
                "tun", "/dev/net/tun cannot be opened: \(words)",
                advice: "run as root; in a container start it with --device /dev/net/tun")
        }
    }

    func privilegeFinding() -> Finding {
        guard probe.mayConfigureNetwork() else {
            return .fail(
                "privilege", "this process may not configure the network (CAP_NET_ADMIN)",
                advice: "run as root, or give the service AmbientCapabilities=CAP_NET_ADMIN CAP_NET_BIND_SERVICE")
        }
        return .ok("privilege", "this process may configure the network")
    }

    func portFinding(_ address: ListenAddress, isRunning: Bool) -> Finding {
        let check = "port-\(address)"
        if isRunning { return .ok(check, "\(address) belongs to the running node") }
        switch probe.canListen(on: address) {
        case .yes: return .ok(check, "\(address) is free")
        case .taken:
            return .fail(
                check, "another program listens on \(address)",
                advice: "find it with 'ss -lnp' and stop it, or change 'listen' in \(DataDirectory.settingsName)")
        case .denied:
            return .fail(
                check, "this process may not listen on \(address)",
                advice: "run as root or with CAP_NET_BIND_SERVICE, or choose a port above 1023")
        case .missing:
            return .fail(
                check, "this machine has no such address: \(address)",
                advice: "change 'listen' in \(DataDirectory.settingsName); 'ip address' shows what there is")
        case .no(let words):
            return .fail(
                check, "cannot listen on \(address): \(words)",
                advice: "change 'listen' in \(DataDirectory.settingsName)")
        }
    }

    func forwardingFindings(isRunning: Bool) -> [Finding] {
        AddressFamily.allCases.compactMap { family in
            let check = "forwarding-\(family.rawValue.lowercased())"
            guard let isOn = probe.forwarding(family) else { return nil }
            if isOn { return .ok(check, "the kernel forwards \(family.rawValue) packets") }
            let name = family == .ipv4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding"
            let words = "the kernel does not forward \(family.rawValue) packets"
            return isRunning
                ? .fail(check, "\(words), and clients reach nothing", advice: "sysctl -w \(name)=1")
                : .warn(
                    check, "\(words); the node turns it on when it starts, if it may",
                    advice: "to have it on from boot: echo \(name)=1 > /etc/sysctl.d/60-asnode.conf && sysctl --system")
        }
    }

    func packetFilterFinding() -> Finding {
        guard probe.hasProgram("nft") else {
            return .fail("nft", "the program nft is missing, which NAT needs", advice: "apt-get install nftables")
        }
        return .ok("nft", "the program nft is installed")
    }
}
